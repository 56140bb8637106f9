/** What a first night would find out of a configuration, and `config validate` says before: a program that is not there, a secret without anything in it, a file that cannot be read. */
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config, Repository } from '../core/config.ts';
import { secretFault, secretFiles, type ValueProblem } from './config-file.ts';
import { sshProblems } from './foreseen-ssh.ts';
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
    ...config.repositories.flatMap((repository) => sshProblems(repository)),
    ...metricsProblems(config),
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

function metricsProblems({ monitoring: { metricsFile } }: Config): ValueProblem[] {
  if (metricsFile === undefined || statSync(dirname(metricsFile), { throwIfNoEntry: false })?.isDirectory() === true) return [];
  return [{ path: ['monitoring', 'metricsFile'], message: `${dirname(metricsFile)} is not there, or no folder: must be a file in a folder that is (the node exporter's --collector.textfile.directory)` }];
}

function isThere(program: string, of: string): boolean {
  try {
    return findProgram(program, of) !== '';
  } catch {
    return false; // the answer, not an error
  }
}
