/** A link with a round trip: a relay on loopback that holds each chunk back. It is a process of its own, so that nothing here delays it further. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import type { SshAccount } from '../support/sshd.ts';

export interface Link {
  /** The account that was given, at the other end. */
  readonly account: SshAccount;
  /** Another account of the same server, at the other end. */
  over(account: SshAccount): SshAccount;
  stop(): void;
}

/** Arguments: the port that it leads to, milliseconds one way. Its own port is its only line. Timers of one length end in the order in which they began. */
const relay = `
const { createServer, connect } = require('node:net');
const [port, delay] = process.argv.slice(1).map(Number);
const held = (from, to) => {
  from.on('data', (chunk) => setTimeout(() => to.write(chunk), delay));
  from.on('end', () => setTimeout(() => to.end(), delay));
  from.on('error', () => to.destroy());
};
createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  held(near, far);
  held(far, near);
}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
process.stdin.resume().on('end', () => process.exit());`;

/** `oneWay`: milliseconds. It ends with this process. */
export async function startLink(account: SshAccount, oneWay: number): Promise<Link> {
  const child = spawn(process.execPath, ['-e', relay, String(account.port), String(oneWay)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data') as [Buffer];
  const port = Number(line.toString());
  const over = (near: SshAccount): SshAccount => {
    const knownHostsFile = `${near.knownHostsFile}-${port}`;
    writeFileSync(knownHostsFile, readFileSync(near.knownHostsFile, 'utf8').replace(`:${near.port} `, `:${port} `));
    return { ...near, port, knownHostsFile };
  };
  return { account: over(account), over, stop: () => { child.stdin.end(); } };
}
