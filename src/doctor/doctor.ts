/**
 * Looks at everything that a night needs, one thing after another, each on its own: what throws or hangs is a finding,
 * and the next one is looked at. Changes nothing that lasts, takes no lock, writes nothing to serverA.
 */
import type { Config, Repository } from '../config/config.ts';
import { bad, type Checkup, type Verdict } from './checkup.ts';
import { asFailure } from '../errors.ts';
import type { Check } from './ask.ts';
import { machineChecks } from './machine.ts';
import { RemoteChecks } from './remote.ts';
import { replicaChecks } from './replica.ts';

const usualPatience = 60_000;

/** All checkups, as they come: this machine first, then each repository. Throws only when interrupted. */
export async function* examine(
  config: Config,
  repositories: readonly Repository[],
  interrupt: AbortSignal,
): AsyncGenerator<Checkup> {
  yield* looks(undefined, machineChecks(config, repositories), interrupt);
  for (const repository of repositories) {
    const remote = new RemoteChecks(repository);
    try {
      yield* looks(
        repository.name,
        [...remote.checks(), ...replicaChecks(config, repository, remote.folder)],
        interrupt,
      );
    } finally {
      await remote.close();
    }
  }
}

async function* looks(
  repository: string | undefined,
  checks: readonly Check[],
  interrupt: AbortSignal,
): AsyncGenerator<Checkup> {
  for (const check of checks) {
    const verdict = await look(check, interrupt);
    interrupt.throwIfAborted();
    yield { repository, item: check.item, ...verdict };
  }
}

/** Looks within the time; whatever is thrown is bad, with its hint. Exported for its test. */
export async function look(check: Check, interrupt: AbortSignal): Promise<Verdict> {
  const patience = check.patience ?? usualPatience;
  const timeIsOver = new AbortController();
  const timer = setTimeout(() => {
    timeIsOver.abort();
  }, patience);
  const signal = AbortSignal.any([interrupt, timeIsOver.signal]);
  const late = new Promise<Verdict>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(
        bad(`no answer within ${Math.round(patience / 1000)} s`, 'look why it hangs: a network, a disk, a mount?'),
      );
    });
  });
  try {
    return await Promise.race([late, check.look(signal)]);
  } catch (error) {
    const { message, hint } = asFailure(error);
    return bad(message, hint);
  } finally {
    clearTimeout(timer);
  }
}
