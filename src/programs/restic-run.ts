/** One start of restic, or of the sandbox around it: what it says is read as it comes, and its words are capped. */
import { run, type Command, type Ended } from './process.ts';
import { tellPacks } from './progress.ts';
import type { Listening } from './restic-question.ts';
import { resticCodes, resticSays } from './restic-words.ts';
import type { StepReader } from './steps.ts';

/** How much of the end of an answer is kept. */
const outputKept = 64 * 1024;

/** What a process came to: `ended` is restic's own end where there was one. */
export interface Ran {
  readonly ended: Ended;
  readonly passed: number;
  readonly stdout: string;
  /** The exit code of the script around restic. */
  readonly script: number | undefined;
}

/** Thrown to stop a restic that waits for what will not come: a pack that is not there is asked for for fifteen minutes. */
class GaveUp extends Error {}

/** Runs it to its end, or to ours. Throws what interrupted it. */
export async function runRestic(
  command: Command,
  reader: StepReader,
  { until, progress }: Listening,
  interrupt: AbortSignal,
): Promise<Ran> {
  const said: Buffer[] = [];
  let [length, end] = [0, ''];
  // restic says nothing for hours while it works, so it has one clock, and the other one must not come first.
  const bounds = { stall: Math.max(1, until - Date.now()) + 60_000, deadline: until, interrupt };
  const onStdout = (chunk: Buffer): void => {
    reader.read(chunk, (text) => {
      end = (end + text).slice(-outputKept);
    });
    if (progress !== undefined) tellPacks(chunk, progress);
  };
  const onStderr = (chunk: Buffer): void => {
    if ((length += chunk.length) <= outputKept) said.push(chunk);
    if (resticSays.retrying.pattern.test(chunk.toString('latin1'))) throw new GaveUp();
  };
  let ended: Ended;
  try {
    ended = await run(
      progress === undefined ? command : { ...command, env: { ...command.env, RESTIC_PROGRESS_FPS: '2' } },
      bounds,
      onStdout,
      onStderr,
    );
  } catch (error) {
    if (!(error instanceof GaveUp)) throw error;
    const stderr = Buffer.concat(said).toString('latin1');
    const saidNo = { code: resticCodes.no, signal: undefined, stderr, stopped: undefined };
    return { ended: saidNo, passed: reader.passed, stdout: end, script: undefined };
  }
  if (interrupt.aborted) throw interrupt.reason;
  return { ...reader.judge(ended), stdout: end, script: ended.code };
}
