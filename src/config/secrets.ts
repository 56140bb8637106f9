/** The files with secrets that a configuration names: each must be ours to read, and nobody else's. */
import { accessSync, constants, statSync } from 'node:fs';
import { userName } from '../state/become.ts';
import { settingsOf, type Secret } from '../telling/channel.ts';
import { channels } from '../telling/channels.ts';
import type { Config, KeyPath } from './config.ts';
import type { ValueProblem } from './file.ts';
import { credential } from './values.ts';

/** A key that names a file with a secret, where one is named; `fault` tells what is wrong with what stands in it. */
export interface SecretFile {
  readonly path: KeyPath;
  readonly file: string | undefined;
  readonly fault?: Secret['fault'];
}

/** Restic's passwords, of which any text will do, and what the ways to tell need. */
export function secretFiles(config: Config): SecretFile[] {
  return [
    ...config.repositories.map(({ name, restic }) => ({
      path: ['repositories', name, 'restic', 'passwordFile'],
      file: restic.passwordFile,
    })),
    ...channels.flatMap((channel) => {
      const settings = settingsOf(config, channel);
      return settings === undefined
        ? []
        : channel.secrets(settings).map((secret) => ({ ...secret, path: [...channel.key, ...secret.path] }));
    }),
  ];
}

/** Secrets that are not there, or open to others; and where `inUnit`, credentials that no systemd unit has given us. */
export function secretProblems(config: Config, inUnit: boolean): ValueProblem[] {
  return secretFiles(config).flatMap(({ path, file }) => {
    const isLeft = file === undefined || (!inUnit && file.startsWith(credential));
    const fault = isLeft ? undefined : secretFault(file);
    return fault === undefined ? [] : [{ path, message: `${fault.words}: ${fault.must}` }];
  });
}

/** The unit alone has its credentials; by hand they are given by the same means. */
function outsideUnit(name: string): { readonly words: string; readonly must: string } {
  const line = `systemd-run --pty --wait --collect -p User=${userName()} -p LoadCredential=${name}:/PATH/OF/${name} rsync-ratchet COMMAND`;
  return { words: `credential ${name} is the systemd unit's, and this is none`, must: `must be run as: ${line}` };
}

/** What is wrong with a file that holds a secret, and what must be: it must be ours to read, and nobody else's. */
export function secretFault(file: string): { readonly words: string; readonly must: string } | undefined {
  if (file.startsWith(credential)) return outsideUnit(file.slice(credential.length));
  const isSecret = 'must be a file with the secret in it';
  try {
    const stats = statSync(file);
    if (!stats.isFile()) return { words: `${file} is not a regular file`, must: isSecret };
    if ((stats.mode & 0o007) !== 0)
      return {
        words: `${file} is open to others`,
        must: `must not be readable or writable by them (chmod o-rwx ${file})`,
      };
    accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT')
      return { words: `${file} does not exist`, must: `${isSecret} (install -m 600 /dev/stdin ${file})` };
    return {
      words: `${file} cannot be read (${code ?? 'unknown error'})`,
      must: `must be readable by the user who runs rsync-ratchet${code === 'EACCES' ? ` (chown ${userName()}: ${file})` : ''}`,
    };
  }
}
