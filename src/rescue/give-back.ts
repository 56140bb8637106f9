/** `give-back`: brings serverA back from the replica. Looks first, asks, sets aside what it replaces, deletes nothing, and looks again. */
import { randomBytes } from 'node:crypto';
import type { Amount } from '../audit/books.ts';
import { shareLock } from '../programs/shared-lock.ts';
import type { Bounds } from '../programs/watchdog.ts';
import type { RunOptions } from '../ratchet/holdings.ts';
import { notInitialised } from '../ratchet/replica.ts';
import { runIdOf } from '../ratchet/run.ts';
import { State } from '../ratchet/state.ts';
import { markerOf } from '../ratchet/whose-state.ts';
import { ownPaths, pathOf } from '../replica-path.ts';
import { readingAs, whoTyped, type AnotherProcess } from '../state/become.ts';
import type { JournalEvent } from '../state/chain.ts';
import { leftFiles, setsAside } from '../words/give-back.ts';
import { openWay, type Away } from './away.ts';
import { Comparison, type IsMeant, type Standing } from './comparison.ts';
import { asideOf, destinationOf, type GiveBackWish } from './destination.ts';
import { compareContent, keepClosed, lookAtFolder, sendAll, type Damaged, type Delivery } from './delivery.ts';
import type { Folder } from './exchange.ts';
import { note } from './note.ts';
import { everything, scopeOf, type Scope } from './scope.ts';

/** What a give-back is given. `another`: whose replica and state are, where root does not become him. */
interface GiveBackOptions extends RunOptions {
  readonly another: AnotherProcess | undefined;
}

/** How a destination stands: what it lacks or has otherwise, what is in the way, and what it alone has. */
export interface Difference {
  readonly missing: Amount;
  readonly differing: Amount;
  readonly inTheWay: readonly string[];
  /** Names as rsync escapes them, the first of them. */
  readonly onlyThere: { readonly files: number; readonly names: readonly string[] };
}

/** What would be done. */
export interface Plan extends Difference {
  readonly runId: string;
  /** The alarm whose files are meant; undefined: all are. */
  readonly alarm: string | undefined;
  readonly comparedBy: 'content' | 'size and time';
  /** Where what is replaced will lie, as the destination's machine names it. */
  readonly aside: string;
}

/** What was done. */
export interface GivenBack {
  readonly plan: Plan;
  /** Undefined where nothing was to be sent, or nobody said yes. */
  readonly sent: Amount | undefined;
  /** Files of the replica that are not what their name says, and were not sent. */
  readonly damaged: readonly Damaged[];
  /** What rsync said of files that it could not bring there. */
  readonly undelivered: string | undefined;
  /** What the look at the end has found. */
  readonly left: Difference & { readonly doubts: number; readonly otherTimes: number };
}

/** What a give-back holds while it lasts: its steps hand it on. */
export interface GiveBack {
  readonly options: GiveBackOptions;
  readonly wish: GiveBackWish;
  readonly state: State;
  readonly scope: Scope;
  readonly away: Away;
  readonly folder: Folder;
  readonly bounds: Bounds;
}

/**
 * The whole of it. `agrees`: asked with the plan before anything is sent. Throws UsageError where nothing was tried, Failure
 * where it could not be finished; it goes on when it is called again.
 */
export async function giveBack(
  options: GiveBackOptions,
  wish: GiveBackWish,
  agrees: (plan: Plan) => Promise<boolean>,
): Promise<GivenBack> {
  const { config, repository, another, interrupt } = options;
  const owner = another?.owner;
  const runId = runIdOf(new Date(), randomBytes(2).toString('hex'));
  const state = new State(config.state ?? '', repository.name, (words) => { options.console.warn(words); }); // prettier-ignore
  const scope = readingAs(owner, () => begin(options, state, wish.all));
  const destination = destinationOf(wish, repository, config, runId);
  const letGo = await shareLock(ownPaths(repository.replica).readers, owner, interrupt);
  let away: Away | undefined;
  try {
    away = await openWay(repository, destination, owner, interrupt);
    const bounds = { stall: repository.timeouts.stall, deadline: Infinity, interrupt };
    const folder = await lookAtFolder(away, bounds, wish.aside);
    return await planAndSend({ options, wish, state, scope, away, folder, bounds }, runId, agrees);
  } finally {
    await away?.close();
    letGo();
  }
}

/** What is meant. Throws where there is no replica, or its state is another's. */
function begin({ config, repository }: GiveBackOptions, state: State, isAll: boolean): Scope {
  if (markerOf(config, repository) === undefined) throw notInitialised(repository.replica);
  return isAll ? everything : scopeOf(state, repository.name);
}

async function planAndSend(
  held: GiveBack,
  runId: string,
  agrees: (plan: Plan) => Promise<boolean>,
): Promise<GivenBack> {
  const { wish, scope, away } = held;
  const found = await listed(held);
  await judge(held, found, wish.quick ? () => true : meant(wish, scope));
  const isSent = toSend(wish, scope);
  if (away.destination.kind === 'local') keepClosed(away.destination, found, isSent);
  const plan: Plan = {
    ...differenceOf(found, isSent),
    runId,
    alarm: scope.alarm,
    comparedBy: wish.quick ? 'size and time' : 'content',
    aside: asideOf(away.destination),
  };
  const isNothing = plan.missing.files + plan.differing.files === 0;
  const asItIs = { ...differenceOf(found, isCounted(wish)), doubts: found.doubts.length, otherTimes: found.otherTimes };
  if (isNothing || !(await agrees(plan)))
    return { plan, sent: undefined, damaged: [], undelivered: undefined, left: asItIs };
  return act(held, plan, found, isSent);
}

/** What differs, of what is meant. */
async function judge(held: GiveBack, found: Comparison, isMeant: IsMeant): Promise<void> {
  if (held.wish.quick) found.judgeByTime(isMeant);
  else await compareContent(held, found, isMeant);
}

/** Sends, and looks again; both ends of it are in the journal, whatever comes between. */
async function act(held: GiveBack, plan: Plan, found: Comparison, isSent: IsMeant): Promise<GivenBack> {
  const { wish } = held;
  const files = plan.missing.files + plan.differing.files;
  const bytes = plan.missing.bytes + plan.differing.bytes;
  const { runId } = plan;
  await journal(held, { event: 'give-back-begun', runId, who: whoTyped(), to: wish.to, files, bytes, all: wish.all });
  const delivery: Delivery = { sent: { files: 0, bytes: 0 }, damaged: [], undelivered: undefined };
  let left: GivenBack['left'] | undefined;
  try {
    await sendAll(held, found, isSent, { files, bytes, replaces: plan.differing.files > 0 }, delivery);
    const now = await listed(held);
    // Of the size that it has here, and of its time perhaps, it may lie there still: what takes files there may have put them elsewhere.
    const isSure = plan.differing.files + plan.inTheWay.length + delivery.damaged.length === 0;
    if (!isSure || delivery.undelivered !== undefined) await judge(held, now, (path) => found.isDifferent(path));
    left = { ...differenceOf(now, isCounted(wish)), doubts: now.doubts.length, otherTimes: now.otherTimes };
    return { plan, ...delivery, left };
  } finally {
    const { sent, damaged } = delivery;
    await journal(held, {
      event: 'gave-back',
      runId,
      to: wish.to,
      ...sent,
      damaged: damaged.length,
      left: left === undefined ? null : leftFiles(left),
      aside: setsAside(sent, plan) ? plan.aside : null,
    });
  }
}

async function journal({ options: { another, repository }, state }: GiveBack, event: JournalEvent): Promise<void> {
  await note(state, repository.name, another, event);
}

async function listed({ options, state, away, bounds }: GiveBack): Promise<Comparison> {
  const { replica, ignore } = options.repository;
  const found = new Comparison(pathOf(replica), ignore, state.tombstones, options.another?.owner);
  await found.list(away.looking, bounds);
  return found;
}

/** Whose content is compared. */
function meant({ withTombstones }: GiveBackWish, scope: Scope): IsMeant {
  return (path, isTombstoned) => (isTombstoned ? withTombstones : scope.has(path));
}

/** What is sent, where it is missing or differs. */
function toSend(wish: GiveBackWish, scope: Scope): IsMeant {
  return scope.isCut ? isCounted(wish) : meant(wish, scope);
}

/** What a whole destination has. */
function isCounted({ withTombstones }: GiveBackWish): IsMeant {
  return (_, isTombstoned) => withTombstones || !isTombstoned;
}

/** So many names of what only the destination has are told. */
const namedStrangers = 20;

function differenceOf(found: Comparison, isMeant: IsMeant): Difference {
  const amounts: Record<Standing, Amount> = {
    there: { files: 0, bytes: 0 },
    missing: { files: 0, bytes: 0 },
    differs: { files: 0, bytes: 0 },
    'in the way': { files: 0, bytes: 0 },
  };
  for (const { bytes, standing } of found.files(isMeant)) {
    amounts[standing].files++;
    amounts[standing].bytes += bytes;
  }
  const names: string[] = [];
  for (const name of found.strangers()) if (names.push(name) === namedStrangers) break;
  const { layout, foreign } = found.onlyThere;
  return {
    missing: amounts.missing,
    differing: amounts.differs,
    inTheWay: [...found.inTheWay],
    onlyThere: { files: layout.files + foreign.length, names },
  };
}
