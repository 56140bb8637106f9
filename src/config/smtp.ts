/** What `alerts.email.smtp.tls` means, exactly. */
import type { Transport } from './config.ts';

type Smtp = Extract<Transport, { kind: 'smtp' }>;

/** How a connection is encrypted. */
export interface Encryption {
  /** TLS from the first byte. */
  readonly implicit: boolean;
  /** STARTTLS: never, when the server offers it, or else no mail. */
  readonly startTls: 'never' | 'offered' | 'required';
  /** Whether the certificate must be valid for the host. */
  readonly verified: boolean;
  /** Whether a mail goes in the clear when the server offers TLS and then fails at it. */
  readonly clearInstead: boolean;
}

/**
 * - `required`: TLS with a valid certificate, or no mail. Port 465 speaks TLS from the first byte, others STARTTLS.
 * - `opportunistic`: TLS when the server offers it, whoever it is; in the clear otherwise. That keeps listeners out and
 *   proves nobody's identity, as between mail servers. A login is never sent that way over a network: with `user` it
 *   means the same as `required`, unless the server is this machine.
 * - `implicit`: TLS from the first byte on any port, with a valid certificate, or no mail.
 * - `none`: never TLS, the login included; the configuration takes a login that way to this machine alone.
 */
export function encryptionOf({ tls, port, user, host }: Smtp): Encryption {
  const mustProve =
    tls === 'required' || tls === 'implicit' || (tls === 'opportunistic' && user !== undefined && !isThisMachine(host));
  const implicit = tls === 'implicit' || (port === 465 && tls !== 'none');
  const startTls = implicit || tls === 'none' ? 'never' : mustProve ? 'required' : 'offered';
  return { implicit, startTls, verified: mustProve, clearInstead: startTls === 'offered' };
}

/** Whether a mail server is on this machine, by its configured name. */
export function isThisMachine(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The bare address of `Name <ops@example.org>` or `ops@example.org`. */
export function addressOf(recipient: string): string {
  return /<([^<>]+)>\s*$/.exec(recipient)?.[1] ?? recipient.trim();
}
