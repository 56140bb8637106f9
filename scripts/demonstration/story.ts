/** The story of the demo as data: what is told, what is typed, and what must come of it. The teller is `demo.ts`. */
import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import {
  alarmMailed,
  idsIn,
  inStep,
  isSame,
  noMail,
  onlyGrew,
  silent,
  snapshots,
  unchanged,
  type Effect,
} from './effects.ts';
import type { Stage, Typed } from './stage.ts';

/** One command of the story. */
export interface Step {
  /** Begins a chapter; a step without a title goes on with the last one. */
  readonly title?: string;
  /** Paragraphs, told before the command runs. */
  readonly words: readonly string[];
  /** What the client does by itself before. */
  prepare?(stage: Stage): void;
  run(stage: Stage): Typed;
  readonly expect: { readonly exit: number; readonly effects: readonly Effect[] };
  /** How much of the mail that the command sent is shown afterwards. */
  readonly mail?: 'whole' | 'subject';
}

const letters = {
  first: 'Dear Ada,\n\nthis letter was safe from the very first night.\n',
  second: 'Dear Ada,\n\nI have thought of something better to say.\n',
};

/** A photo's pack: the largest file of the repository. */
function largestPack(stage: Stage): string {
  const packs = idsIn(stage.look().source, 'data').map((path) => `serverA/restic/data/${path}`);
  return packs.sort((a, b) => stage.read(b).length - stage.read(a).length)[0] ?? 'serverA/restic/data';
}

/** The snapshot of the first backup, which the replica has even when serverA has lost it. */
function firstSnapshot(stage: Stage): string {
  const time = (id: string): number => statSync(stage.path(`serverB/replica/snapshots/${id}`)).mtimeMs;
  return idsIn(stage.look().replica, 'snapshots').sort((a, b) => time(a) - time(b))[0] ?? '';
}

const backup: Typed = {
  on: 'client',
  argv: ['restic', '-r', '../serverA/restic', 'backup', '--host', 'client', 'documents'],
};
const sync: Typed = { on: 'serverB', argv: ['rsync-ratchet', 'sync', 'demo'] };

const aBackup: readonly Step[] = [
  {
    title: 'A client backs up to serverA',
    words: [
      'restic makes an encrypted repository on serverA. A file in it is named after the hash of its content, and restic never changes one.',
    ],
    run: () => ({ on: 'client', argv: ['restic', '-r', '../serverA/restic', 'init'] }),
    expect: {
      exit: 0,
      effects: [
        {
          told: 'the repository is there, with one key',
          holds: ({ after }) => after.source.has('config') && idsIn(after.source, 'keys').length === 1,
        },
      ],
    },
  },
  {
    words: ['The first backup: a letter and a photo.'],
    prepare: (stage) => {
      stage.write('client/documents/letter.txt', letters.first);
      stage.write('client/documents/photo-1.jpg', randomBytes(600_000));
    },
    run: () => backup,
    expect: { exit: 0, effects: [snapshots(1)] },
  },
];

const gettingReady: readonly Step[] = [
  {
    title: 'serverB gets ready',
    words: [
      'The configuration says what is pulled from where, and whom to tell. With the password of the repository, restic itself has to read what is new before it enters. In this demo mails are files in a folder.',
    ],
    run: () => ({ on: 'serverB', argv: ['cat', 'config.yaml'] }),
    expect: { exit: 0, effects: [] },
  },
  {
    words: [
      'init makes the replica. It pins the config and the keys of the repository: when they change on serverA later, that is an alarm.',
    ],
    run: () => ({ on: 'serverB', argv: ['rsync-ratchet', 'init', 'demo'] }),
    expect: {
      exit: 0,
      effects: [
        {
          told: 'what was pinned is what serverA has',
          holds: ({ after, ended }) =>
            [after.source.get('config'), ...idsIn(after.source, 'keys')].every(
              (id) => id !== undefined && ended.printed.includes(id),
            ),
        },
      ],
    },
  },
];

const goodNights: readonly Step[] = [
  {
    title: 'The first night',
    words: [
      'sync compares serverA with the replica, fetches what is new, and lets a file in only when its content has the hash that is its name and restic can read the repository with it.',
    ],
    run: () => sync,
    expect: { exit: 0, effects: [inStep, noMail] },
  },
  {
    title: 'A new backup, and the next night',
    words: ['The client rewrites its letter, adds a second photo and backs up again.'],
    prepare: (stage) => {
      stage.write('client/documents/letter.txt', letters.second);
      stage.write('client/documents/photo-2.jpg', randomBytes(900_000));
    },
    run: () => backup,
    expect: { exit: 0, effects: [snapshots(2)] },
  },
  {
    words: ['The next night copies what is new, and touches nothing else.'],
    run: () => sync,
    expect: { exit: 0, effects: [onlyGrew, inStep, noMail] },
  },
  {
    title: 'A quiet night',
    words: ['Nothing is new. With --quiet, as in cron, a good night prints nothing at all.'],
    run: () => ({ on: 'serverB', argv: ['rsync-ratchet', '--quiet', 'sync', 'demo'] }),
    expect: { exit: 0, effects: [silent, unchanged, noMail] },
  },
];

const tampering: readonly Step[] = [
  {
    title: 'Somebody tampers with a pack on serverA',
    words: [
      'An intruder on serverA writes a ransom note over a pack, which is where the data of the backups is. To every tool that copies what it finds, this is just a newer file.',
    ],
    prepare: (stage) => {
      stage.write('serverA/ransom-note.txt', 'Your backups are mine now. Pay up.\n');
    },
    run: (stage) => ({
      on: 'serverA',
      argv: ['cp', '--force', 'ransom-note.txt', largestPack(stage).replace('serverA/', '')],
    }),
    expect: {
      exit: 0,
      effects: [
        {
          told: 'a file on serverA is no longer what its name says',
          holds: ({ after }) => !isSame(after.source, after.replica) && after.source.size === after.replica.size,
        },
      ],
    },
  },
  {
    words: ['At night, serverB sees it. It stops before anything is fetched, and sends a mail.'],
    run: () => sync,
    expect: { exit: 3, effects: [unchanged, alarmMailed('modified')] },
    mail: 'whole',
  },
  {
    words: [
      'The damage has not reached the replica: restic reads all of it and finds it whole. (--no-lock, because nobody writes into a replica.)',
    ],
    run: () => ({ on: 'serverB', argv: ['restic', '-r', 'replica', 'check', '--no-lock', '--read-data'] }),
    expect: { exit: 0, effects: [unchanged] },
  },
  {
    words: ['So the replica is the way back. The pack is put right from it ...'],
    run: () => ({ on: 'serverB', argv: ['rsync', '-rt', 'replica/data/', '../serverA/restic/data/'] }),
    expect: { exit: 0, effects: [unchanged, inStep] },
  },
  {
    words: ['An alarm stays raised until an operator says what it was; until then every night only looks.'],
    run: () => ({
      on: 'serverB',
      argv: ['rsync-ratchet', 'acknowledge', 'demo', '--reason', 'intruder, pack put right'],
    }),
    expect: { exit: 0, effects: [unchanged, noMail] },
  },
];

/** Something that is no snapshot. */
const forgery = Buffer.from('Restore me, and see what happens.\n'.repeat(8));

const poisoning: readonly Step[] = [
  {
    title: 'A poisoned snapshot',
    words: [
      'The intruder has learned, and adds a file instead: something that is no snapshot, under the right name, which is the hash of its content. A restic that finds it among the snapshots refuses the whole repository.',
    ],
    prepare: (stage) => {
      stage.write('serverA/forgery', forgery);
    },
    run: () => ({
      on: 'serverA',
      argv: ['cp', 'forgery', `restic/snapshots/${createHash('sha256').update(forgery).digest('hex')}`],
    }),
    expect: { exit: 0, effects: [snapshots(3)] },
  },
  {
    words: [
      'New, and its hash is right: but restic, in a box without a network, cannot read it. So it does not enter.',
    ],
    run: () => sync,
    expect: { exit: 3, effects: [unchanged, alarmMailed('unproven')] },
    mail: 'subject',
  },
  {
    words: ['It is removed from serverA, and the alarm lowered ...'],
    run: () => ({
      on: 'serverA',
      argv: ['rm', '--force', `restic/snapshots/${createHash('sha256').update(forgery).digest('hex')}`],
    }),
    expect: { exit: 0, effects: [inStep] },
  },
  {
    words: [],
    run: () => ({ on: 'serverB', argv: ['rsync-ratchet', 'acknowledge', 'demo', '--reason', 'forgery removed'] }),
    expect: { exit: 0, effects: [unchanged, noMail] },
  },
  {
    words: ['... and the next night is a good one.'],
    run: () => sync,
    expect: { exit: 0, effects: [unchanged, noMail] },
  },
];

const deleting: readonly Step[] = [
  {
    title: 'A snapshot is deleted on serverA',
    words: [
      'The intruder tries something else: the first backup disappears, and with it the first version of the letter.',
    ],
    run: (stage) => ({ on: 'serverA', argv: ['rm', '--force', `restic/snapshots/${firstSnapshot(stage)}`] }),
    expect: { exit: 0, effects: [snapshots(1)] },
  },
  {
    words: ['serverB sees that as well. A tool that mirrors deletions would have followed.'],
    run: () => sync,
    expect: { exit: 3, effects: [unchanged, alarmMailed('deleted')] },
    mail: 'subject',
  },
  {
    words: ['What is gone on serverA is still in the replica, and restic gives it back.'],
    run: (stage) => ({
      on: 'serverB',
      argv: [
        'restic',
        '-r',
        'replica',
        'restore',
        '--no-lock',
        firstSnapshot(stage).slice(0, 8),
        '--target',
        'restored',
      ],
    }),
    expect: {
      exit: 0,
      effects: [
        {
          told: 'the letter is back in its first version, byte for byte',
          holds: ({ stage }) => stage.read('serverB/restored/documents/letter.txt').equals(Buffer.from(letters.first)),
        },
        {
          told: 'so is the photo',
          holds: ({ stage }) =>
            stage.read('serverB/restored/documents/photo-1.jpg').equals(stage.read('client/documents/photo-1.jpg')),
        },
        unchanged,
      ],
    },
  },
];

const pruning: readonly Step[] = [
  {
    title: 'A deletion on purpose',
    words: ['Now and then deletions are meant. An operator on serverB says so beforehand; serverA cannot.'],
    run: () => ({
      on: 'serverB',
      argv: [
        'rsync-ratchet',
        'prune-window',
        'open',
        'demo',
        '--for',
        '1h',
        '--max-deletions',
        '5',
        '--reason',
        'the old letter may go',
      ],
    }),
    expect: { exit: 0, effects: [unchanged, noMail] },
  },
  {
    words: ['The alarm about the deleted snapshot is settled with that.'],
    run: () => ({ on: 'serverB', argv: ['rsync-ratchet', 'acknowledge', 'demo', '--reason', 'meant after all'] }),
    expect: { exit: 0, effects: [unchanged, noMail] },
  },
  {
    words: [
      'The night accepts the deletion, and a mail tells it. The file itself stays for 30 days, in case it was not meant after all.',
    ],
    run: () => sync,
    expect: { exit: 0, effects: [unchanged] },
    mail: 'whole',
  },
  {
    words: ['What will leave, and when:'],
    run: () => ({ on: 'serverB', argv: ['rsync-ratchet', 'tombstones', 'list', 'demo'] }),
    expect: {
      exit: 0,
      effects: [
        unchanged,
        { told: 'the snapshot is listed', holds: ({ stage, ended }) => ended.printed.includes(firstSnapshot(stage)) },
      ],
    },
  },
  {
    words: ['And how everything stands:'],
    run: () => ({ on: 'serverB', argv: ['rsync-ratchet', 'status', 'demo'] }),
    expect: { exit: 0, effects: [unchanged, noMail] },
  },
];

/** The whole story, in order. */
export const story: readonly Step[] = [
  ...aBackup,
  ...gettingReady,
  ...goodNights,
  ...tampering,
  ...poisoning,
  ...deleting,
  ...pruning,
];
