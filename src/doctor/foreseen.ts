/** What a first night would find out of a configuration, and `config validate` says before: a program that is not there, a secret without anything in it, a file that cannot be read. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config, KeyPath, Repository } from '../config/config.ts';
import { userName } from '../state/become.ts';
import type { ValueProblem } from '../config/file.ts';
import { secretFault, secretFiles, type SecretFile } from '../config/secrets.ts';
import { isWritable } from '../state/files.ts';
import { sshProblems } from './foreseen-ssh.ts';
import { closedSource, silenceOf } from '../programs/local-source.ts';
import { findProgram } from '../programs/process.ts';
import { secretLine } from '../config/secret-line.ts';

/** All of it, each at its key. */
export function foreseen(config: Config): ValueProblem[] {
  return [
    ...programProblems(config),
    ...secretFiles(config).flatMap((secret) => at(secret.path, contentFault(secret))),
    ...config.repositories.flatMap((repository) => sourceProblems(repository)),
    ...config.repositories.flatMap((repository) => sshProblems(repository)),
    ...folderProblems(config),
  ];
}

/** Programs that are not there. */
function programProblems(config: Config): ValueProblem[] {
  const transport = config.alerts.email?.transport;
  const programs = [
    ...config.repositories.flatMap(({ name, rsync, restic }) => [
      { path: ['repositories', name, 'rsync', 'path'], program: rsync.path, of: 'rsync' },
      ...(restic.hasPassword
        ? [{ path: ['repositories', name, 'restic', 'path'], program: restic.path, of: 'restic' }]
        : []),
      ...programOf(['repositories', name, 'restic', 'passwordCommand'], restic.passwordCommand),
    ]),
    ...(transport?.kind === 'sendmail'
      ? [{ path: ['alerts', 'email', 'sendmail'], program: transport.path, of: 'a mail server such as postfix' }]
      : []),
    ...programOf(['alerts', 'command'], config.alerts.command),
  ];
  return programs.flatMap(({ path, program, of }) =>
    isThere(program, of)
      ? []
      : [
          {
            path,
            message: `there is no program ${program} on this machine that this user may run: must be a program, its name or its path`,
          },
        ],
  );
}

/** The program of a command line, where there is one. */
function programOf(
  path: KeyPath,
  line: readonly string[] | undefined,
): { path: KeyPath; program: string; of: string }[] {
  return line === undefined ? [] : [{ path, program: line[0] ?? '', of: '' }];
}

/** Folders that are written to, and cannot be. */
function folderProblems({ alerts, monitoring }: Config): ValueProblem[] {
  const transport = alerts.email?.transport;
  return [
    ...at(
      ['monitoring', 'metricsFile'],
      monitoring.metricsFile === undefined
        ? undefined
        : folderFault(
            dirname(monitoring.metricsFile),
            "must be a file in a folder that is (the node exporter's --collector.textfile.directory)",
          ),
    ),
    ...at(
      ['alerts', 'email', 'directory'],
      transport?.kind === 'directory'
        ? folderFault(
            transport.path,
            `must be a folder where mails are looked for (install -d -m 700 -o ${userName()} ${transport.path})`,
          )
        : undefined,
    ),
  ];
}

/** What is wrong with a source on this machine. One that is not there may be a disk that is not mounted yet: doctor says that. */
function sourceProblems(repository: Repository): ValueProblem[] {
  const { name, source } = repository;
  if (source.kind !== 'local') return [];
  const path = ['repositories', name, 'source'];
  const silence = silenceOf(source.path);
  if (silence !== undefined)
    return [{ path, message: `${source.path} ${silence}: must be a folder of a disk or a mount that does` }];
  const stats = statSync(source.path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (!stats.isDirectory())
    return [{ path, message: `${source.path} is no folder: must be the folder of restic's repository` }];
  const closed = closedSource(repository);
  return closed === undefined ? [] : [{ path, message: `${closed.message}: ${closed.hint}` }];
}

const at = (path: KeyPath, message: string | undefined): ValueProblem[] =>
  message === undefined ? [] : [{ path, message }];

/** What is wrong with what stands in a file with a secret, where it can be read. restic reads its own: any text, in UTF-16 as well. */
function contentFault({ file, fault }: SecretFile): string | undefined {
  if (file === undefined || secretFault(file) !== undefined) return undefined;
  return secretLine(file).trim() === '' ? `${file} is empty: must be a file with the secret in it` : fault?.(file);
}

function folderFault(folder: string, must: string): string | undefined {
  return isWritable(folder)
    ? undefined
    : `${folder} is not there, or no folder, or this user may not write there: ${must}`;
}

function isThere(program: string, of: string): boolean {
  try {
    return findProgram(program, of) !== '';
  } catch {
    return false; // the answer, not an error
  }
}
