/** What ssh would say in the first night of its part of a configuration. Nothing is connected to. */
import type { Repository } from '../config/config.ts';
import { escapeText } from '../printable.ts';
import type { ValueProblem } from '../config/file.ts';
import { atOnce } from '../programs/at-once.ts';
import { identityFault, knownHostsFault } from '../programs/ssh-files.ts';
import { fixedOptions, loginArguments, masterEnvironment } from '../programs/ssh-command.ts';

/** Each at its key. */
export function sshProblems(repository: Repository): ValueProblem[] {
  const { name, source, ssh } = repository;
  const at = (key: string, message: string | undefined, ...more: number[]): ValueProblem[] =>
    message === undefined ? [] : [{ path: ['repositories', name, 'ssh', key, ...more], message }];
  const overridden = ssh.options.flatMap((option, n) => at('options', withoutEffect(option), n));
  return [
    ...at('identityFile', ssh.identityFile === undefined ? undefined : identityFault(ssh.identityFile)),
    ...at('knownHostsFile', ssh.knownHostsFile === undefined ? undefined : knownHostsFault(ssh.knownHostsFile)),
    ...overridden,
    ...(source.kind === 'local' || overridden.length > 0 || ssh.options.length === 0
      ? []
      : at('options', refusal({ ...repository, source }))),
  ];
}

/** ssh takes the first value of an option, and what protects comes first. */
function withoutEffect(option: string): string | undefined {
  const [, name = '', value = ''] = /^(\w+)(?: *= *| +)(.*)$/.exec(option) ?? [];
  const fixed = fixedOptions.find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}=`));
  if (fixed === undefined || fixed.slice(name.length + 1).toLowerCase() === value.toLowerCase()) return undefined;
  return `has no effect: what protects is fixed (${fixed}); leave it away`;
}

/** ssh reads its options without connecting (-G), and says what it does not know. */
function refusal(repository: Parameters<typeof loginArguments>[0]): string | undefined {
  const { code, stderr } = atOnce('ssh', ['-G', ...loginArguments(repository)], 10_000, masterEnvironment());
  return code === null || code === 0 ? undefined : `ssh refuses them: ${escapeText(stderr.trim(), 300)}`;
}
