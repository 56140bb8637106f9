/** An alert for a program of the operator's. Import it lazily: what runs programs is large. */
import { Failure } from '../errors.ts';
import { handOver } from '../programs/hand-over.ts';
import type { Delivery } from './channel.ts';

/** Hands `json` to the program, which has `patience` milliseconds; `to` stands for it. Exit code 0 means that it has the alert. */
export async function bringByProgram(
  program: string,
  args: readonly string[],
  json: string,
  to: readonly string[],
  patience: number,
): Promise<Delivery> {
  const wrong = await handOver(program, args, json, patience);
  if (wrong === undefined)
    return { kind: 'delivered', accepted: to, refused: [], answer: `${program} has taken it (exit code 0)` };
  const hint = 'see what the program of alerts.command says; rsync-ratchet alert test tries it';
  return { kind: 'undelivered', failure: new Failure(wrong, hint), refused: [], isDown: true };
}
