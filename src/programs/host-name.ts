/** The full name of this machine, which strict mail servers want to be greeted with. */
import { hostname } from 'node:os';
import { atOnce } from './at-once.ts';

/** A name server that does not answer costs no more than this, in milliseconds. */
const patience = 5000;

let found: { readonly name: string | undefined } | undefined;

/** Undefined where this machine knows no name of its own with a dot in it (hostname(1), `--fqdn`). */
export function fullHostName(): string | undefined {
  found ??= {
    name: [hostname, resolved].map((ask) => ask()).find((name) => name.includes('.') && !/^localhost\b/i.test(name)),
  };
  return found.name;
}

function resolved(): string {
  return atOnce('hostname', ['--fqdn'], patience).stdout.trim();
}
