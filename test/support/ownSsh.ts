/** An operator's own ssh: `ssh` by another name in PATH, which reads a configuration of the test's in place of ~/.ssh/config. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shellQuoted, type SshAccount } from './sshd.ts';

/** For `env` of the program: as an operator who has logged in to that account before. */
export function ownSsh(folder: string, { host, port, identityFile, knownHostsFile }: SshAccount): Record<string, string> {
  const bin = join(folder, 'own-ssh');
  mkdirSync(bin, { recursive: true });
  const config = join(bin, 'config');
  const lines = [`Host ${host}`, `  Port ${port}`, `  IdentityFile "${identityFile}"`, '  IdentitiesOnly yes', `  UserKnownHostsFile "${knownHostsFile}"`];
  writeFileSync(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  const ssh = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec ${ssh} -F ${shellQuoted(config)} "$@"\n`);
  chmodSync(join(bin, 'ssh'), 0o755);
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
}
