/** Silence, slowness, and what has no end: our own clocks and bounds end it. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { record, suiteOf, withstand } from '../../support/hostile/attack.ts';
import { fresh, old } from '../../support/hostile/repository.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import type { Act, Attack, Lie } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

const stalled = { exits: [1], says: /no progress|exit code (12|30)/, stall: '1s', sandbox: 'auto' } as const;
const at = (moment: string, ...acts: Act[]): Lie => ({ acts: { [moment]: acts } });
const silence = { hang: true };
const endless = 1e9;
const manyTimes = { times: endless };
/** For our deadlines an hour passes here, and more than that they never are. */
const anHour = { hour: true };
/** So many attacks that only wait go on at a time. */
const waiting = 6;

const hangs: readonly Attack[] = [
  ...['connect', 'preamble', 'list', 'listed', 'asked', 'end'].map((moment): Attack =>
    ({ name: `in a dry run: ${moment}`, rare: !['connect', 'list', 'end'].includes(moment), audit: at(moment, silence), ...stalled })),
  ...['connect', 'list', 'listed', 'file', 'end'].map((moment): Attack =>
    ({ name: `in the fetch: ${moment}`, rare: !['connect', 'file'].includes(moment), fetch: at(moment, silence), ...stalled, heals: true })),
];

const deaf = { deaf: true };

/** serverA's command never ends, whatever happens to the connection. */
const deafness: readonly Attack[] = [
  { name: 'in a dry run', rare: true, audit: at('listed', deaf), ...stalled },
  { name: 'in the fetch', fetch: at('file', deaf), ...stalled },
  { name: 'behind a dry run that was all right', audit: at('end', deaf), ...stalled },
];

suiteOf('silence', () => stage, hangs, waiting);
suiteOf('silence without a room around rsync', () => stage, [
  { name: 'in a dry run', audit: at('asked', silence), ...stalled, sandbox: 'off' },
  { name: 'in the fetch', fetch: at('file', silence), ...stalled, sandbox: 'off' },
], waiting);
suiteOf('silence for ever', () => stage, deafness, waiting);

const slow: readonly Attack[] = [
  { name: 'one byte a second, in the list of a dry run', audit: at('preamble', { slow: true }), ...stalled },
  { name: 'one byte a second, in the report of a dry run', rare: true, audit: at('asked', { slow: true }), ...stalled },
  { name: 'one byte a second, in a file', rare: true, fetch: at('file', { slow: true }), ...stalled },
  { name: 'one byte a second, with a patient stall clock', rare: true, audit: at('preamble', anHour, { slow: true }), exits: [1], says: /timeouts\.run/, run: '30m' },
  { name: 'one byte a second in a file, with a patient stall clock', fetch: at('file', anHour, { slow: true }), exits: [4], finds: ['unfinished'], run: '30m' },
  { name: 'a dot now and then in a dry run', rare: true, audit: at('listed', { tag: 2, text: '.', every: 300, ...manyTimes }), ...stalled },
  { name: 'a line now and then in a dry run', audit: at('listed', anHour, { tag: 2, text: 'skipping non-regular file "moon"\n', every: 300, ...manyTimes }), exits: [1], says: /timeouts\.run/, run: '30m' },
  { name: 'a line now and then in the fetch', rare: true, fetch: at('listed', anHour, { tag: 2, text: 'moon\n', every: 300, ...manyTimes }), exits: [4], finds: ['unfinished'], run: '30m' },
];

suiteOf('slowness', () => stage, slow, waiting);

const mostTaken = { takes: 512 << 20 };

const floods: readonly Attack[] = [
  { name: 'a list of numbered names', rare: true, audit: { moreEntries: { count: endless, below: 'data/ab/', name: 'number' } }, ...stalled },
  { name: 'a list of long names, with a patient clock', audit: { moreEntries: { count: endless, below: 'data/ab/', name: 'long' } }, exits: [1], takes: 2 ** 31 },
  { name: 'a list of long names in the fetch', rare: true, fetch: { moreEntries: { count: endless, below: 'data/ab/', name: 'long' } }, exits: [1], takes: 2 ** 31 },
  { name: '20,000 new packs, where 1000 are allowed', crime: false, audit: { moreEntries: { count: 20, below: 'data/ab/', name: 'hash' } }, limits: { newFiles: 1000 }, exits: [3], finds: ['over-limit'] },
  { name: '300,000 foreign names', rare: true, crime: false, audit: { moreEntries: { count: 300, below: 'data/ab/', name: 'number' } }, limits: { newFiles: 1000 }, exits: [3], finds: ['over-limit'] },
  { name: 'one line again and again', crime: false, audit: { echo: { [old.packs[2]!]: { also: [{ path: old.packs[3]!, flags: 0, ...manyTimes }] } } }, limits: { newFiles: 1000 }, exits: [3], finds: ['over-limit'], ...mostTaken },
  { name: 'a new pack again and again', rare: true, crime: false, audit: { echo: { [old.packs[2]!]: { also: [{ path: fresh.packs[0]!, flags: 0xa000, ...manyTimes }] } } }, limits: { newFiles: 1000 }, exits: [3], finds: ['over-limit'], ...mostTaken },
  { name: 'deletions', audit: at('listed', { tag: 101, text: old.packs[2]!, ...manyTimes }), limits: { newFiles: 1000 }, exits: [3], finds: ['over-limit'], ...mostTaken },
  { name: 'lines of text', audit: at('listed', { tag: 2, text: 'hello\n', ...manyTimes }), exits: [1], says: /understood/, ...mostTaken },
  { name: 'lines that we take', rare: true, audit: at('listed', { tag: 2, text: 'skipping non-regular file "moon"\n', ...manyTimes }), limits: { newFiles: 1000 }, exits: [3], finds: ['over-limit'], ...mostTaken },
  { name: 'text without a newline', rare: true, audit: at('listed', { tag: 2, text: 'x', ...manyTimes }), exits: [1], says: /understood/, ...mostTaken },
  { name: 'warnings', rare: true, audit: at('listed', { tag: 4, text: 'hello\n', ...manyTimes }), ...stalled },
  { name: 'io-errors', rare: true, audit: at('listed', { tag: 22, bytes: [0, 0, 0, 0], ...manyTimes }), ...stalled },
  { name: 'nothing, in many frames', rare: true, audit: at('listed', { tag: 42, ...manyTimes }), exits: [1], stall: '2s' },
  { name: 'stderr', audit: at('listed', { stderr: 1 << 28 }, silence), ...stalled },
  { name: 'lines of text in the fetch', fetch: at('listed', { tag: 2, text: 'hello\n', ...manyTimes }), exits: [1], says: /understood/, ...mostTaken },
  { name: 'warnings in the fetch', rare: true, fetch: at('listed', { tag: 4, text: 'hello\n', ...manyTimes }), ...stalled },
  { name: 'deletions in the fetch', rare: true, fetch: at('listed', { tag: 101, text: 'x', ...manyTimes }), exits: [1], says: /understood/, ...mostTaken },
  { name: 'items in the fetch', rare: true, fetch: { echo: { [fresh.packs[1]!]: { also: [{ path: fresh.packs[0]!, flags: 0, ...manyTimes }] } } }, exits: [1], ...mostTaken, stall: '1s' },
];

suiteOf('without end', () => stage, floods);

/** A server that is no sshd: what it says when somebody comes. */
const strangers: Readonly<Record<string, (socket: Socket) => void>> = {
  'says nothing': () => undefined,
  'never stops greeting': (socket) => { flood(socket, 'hello\r\n'); },
  'greets and then sends noise': (socket) => { socket.write('SSH-2.0-OpenSSH_9.2\r\n', () => { flood(socket, '\x00\x00\x80\x00'); }); },
};

function flood(socket: Socket, text: string): void {
  const bytes = Buffer.from(text.repeat(10_000), 'latin1');
  const more = (): void => { while (!socket.destroyed && socket.write(bytes)); };
  socket.on('drain', more);
  more();
}

suite('where sshd should listen, something', { concurrency: 2 }, () => {
  for (const [name, welcome] of Object.entries(strangers)) {
    test(name, async (t) => {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => { sockets.add(socket.on('error', () => undefined)); welcome(socket); });
      t.after(() => { server.close(); sockets.forEach((socket) => socket.destroy()); });
      await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
      const night = stage.night(t, {});
      night.redirect((server.address() as AddressInfo).port);
      record('something that is no sshd', name, await withstand(night, { name, exits: [1], says: /no ssh connection/ }));
    });
  }
});
