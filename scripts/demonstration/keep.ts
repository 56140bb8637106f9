/** For those who keep the demo's folder: how to go on playing in it. */
import { chmodSync } from 'node:fs';
import { ownProgram, type Stage } from './stage.ts';

/** Writes what a shell needs to play on into the stage's folder; what to tell people, as lines. */
export function goOn(stage: Stage): string[] {
  const { folder, door } = stage;
  stage.write('bin/rsync-ratchet', `#!/bin/sh\nexec ${ownProgram().map(quoted).join(' ')} "$@"\n`);
  chmodSync(stage.path('bin/rsync-ratchet'), 0o700);
  stage.write('environment.sh', environment(stage));
  const [startSshd, stopSshd] =
    'port' in door
      ? [
          [`  ${door.restart.map(word).join(' ')}`, '      starts the sshd again'],
          [`kill $(cat ${word(door.pidFile)}); `],
        ]
      : [[], ['']];
  return [
    '',
    `The folder is kept: ${folder}`,
    'To go on playing:',
    '',
    `  cd ${word(folder)}/serverB && . ../environment.sh`,
    ...startSshd,
    '  rsync-ratchet audit demo',
    '      says how serverA stands; the mails of the story are in mail/',
    '  rsync -rt replica/snapshots/ ../serverA/restic/snapshots/',
    '      brings the deleted snapshot back',
    '  rsync-ratchet sync demo',
    '      sees that it came back',
    '',
    'And when you have seen enough:',
    '',
    `  ${stopSshd.join('')}rm -rf ${word(folder)}`,
  ];
}

/** The commands of the story then work as they were shown. */
function environment({ folder, env }: Stage): string {
  const names = ['RSYNC_RATCHET_CONFIG', 'RESTIC_PASSWORD_FILE', 'RESTIC_CACHE_DIR'];
  const lines = names.map((name) => `export ${name}=${quoted(env[name] ?? '')}`);
  return `${[...lines, `export PATH=${quoted(`${folder}/bin`)}:"$PATH"`].join('\n')}\n`;
}

function word(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : quoted(text);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
