/** What a first night would find out of a configuration, and `config validate` says before: a program that is not there, a secret without anything in it, a file that cannot be read. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import type { Config, Repository } from '../core/config.ts';
import { secretFault, secretFiles, type ValueProblem } from './config-file.ts';
import { closedSource } from './local-source.ts';
import { findProgram } from './process.ts';

/** All of it, each at its key. */
export function foreseen(config: Config): ValueProblem[] {
  const transport = config.alerts.email?.transport;
  const programs = [
    ...config.repositories.flatMap(({ name, rsync, restic }) => [
      { path: ['repositories', name, 'rsync', 'path'], program: rsync.path, of: 'rsync' },
      ...(restic.passwordFile === undefined ? [] : [{ path: ['repositories', name, 'restic', 'path'], program: restic.path, of: 'restic' }]),
    ]),
    ...(transport?.kind === 'sendmail' ? [{ path: ['alerts', 'email', 'sendmail'], program: transport.path, of: 'a mail server such as postfix' }] : []),
  ];
  const empty = secretFiles(config).filter(({ file }) => file !== undefined && secretFault(file) === undefined && readFileSync(file, 'utf8').trim() === '');
  return [
    ...programs.flatMap(({ path, program, of }) => (isThere(program, of) ? [] : [{ path, message: `there is no program ${program} on this machine that this user may run: must be a program, its name or its path` }])),
    ...empty.map(({ path, file }) => ({ path, message: `${file ?? ''} is empty: must be a file with the secret in it` })),
    ...config.repositories.flatMap((repository) => sourceProblems(repository)),
    ...config.repositories.flatMap(({ name, ssh }) => [
      ...[{ key: 'identityFile', file: ssh.identityFile }, { key: 'knownHostsFile', file: ssh.knownHostsFile }].flatMap(({ key, file }) =>
        (file === undefined || isReadable(file) ? [] : [{ path: ['repositories', name, 'ssh', key], message: `${file} is not there, or this user may not read it` }])),
    ]),
  ];
}

/** What is wrong with a source on this machine. One that is not there may be a disk that is not mounted yet: doctor says that. */
function sourceProblems(repository: Repository): ValueProblem[] {
  const { name, source } = repository;
  if (source.kind !== 'local') return [];
  const path = ['repositories', name, 'source'];
  const stats = statSync(source.path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (!stats.isDirectory()) return [{ path, message: `${source.path} is no folder: must be the folder of restic's repository` }];
  const closed = closedSource(repository);
  return closed === undefined ? [] : [{ path, message: `${closed.message}: ${closed.hint}` }];
}

function isThere(program: string, of: string): boolean {
  try {
    return findProgram(program, of) !== '';
  } catch {
    return false; // the answer, not an error
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return statSync(file).isFile();
  } catch {
    return false; // the answer, not an error
  }
}
