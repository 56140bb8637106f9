/** What is in the Debian package, and where it lies. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { completionScript } from './completion-script.ts';
import { manualPages, wholePage } from './man-pages.ts';

/** A file of the package; its path is below /. */
export interface DebFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

const program = 'usr/lib/rsync-ratchet/rsync-ratchet.mjs';
const documents = 'usr/share/doc/rsync-ratchet';

/** Symbolic links: path and target. */
export const links: readonly (readonly [path: string, target: string])[] = [
  ['usr/bin/rsync-ratchet', '../lib/rsync-ratchet/rsync-ratchet.mjs'],
];

/** All files but dpkg's own. `bundle` is the folder that `npm run bundle` made; the changelog is Debian's form of it. */
export function debFiles(root: string, bundle: string, version: string, changelog: string): DebFile[] {
  const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8');
  return [
    plain(program, readFileSync(join(bundle, 'rsync-ratchet.mjs')), 0o755),
    plain('usr/lib/rsync-ratchet/rsync-ratchet.cdx.json', readFileSync(join(bundle, 'rsync-ratchet.cdx.json'))),
    ...manuals(version),
    ...completions(),
    ...units(read, readdirSync(join(root, 'scripts/systemd'))),
    plain('usr/lib/sysusers.d/rsync-ratchet.conf', read('scripts/package/sysusers.conf')),
    plain('usr/lib/tmpfiles.d/rsync-ratchet.conf', read('scripts/package/tmpfiles.conf')),
    plain('usr/share/rsync-ratchet/apparmor', read('scripts/package/apparmor')),
    plain('usr/share/lintian/overrides/rsync-ratchet', read('scripts/package/lintian-overrides')),
    plain(`${documents}/copyright`, copyright(readFileSync(join(bundle, 'rsync-ratchet.licences.txt'), 'utf8'))),
    packed(`${documents}/changelog.gz`, changelog),
    ...chapters(read, readdirSync(join(root, 'src/manual'))),
    plain(`${documents}/examples/cron.d/rsync-ratchet`, cronSample(read('scripts/cron.d/rsync-ratchet'))),
    plain(`${documents}/examples/nightly.sh`, read('scripts/nightly.sh'), 0o755),
  ];
}

type Read = (...path: readonly string[]) => string;

function plain(path: string, content: string | Buffer, mode = 0o644): DebFile {
  return { path, mode, content: Buffer.from(content) };
}

/** By gzip(1) without a name and a time: Node's own differs between processors. */
function packed(path: string, content: string): DebFile {
  return { path, mode: 0o644, content: execFileSync('gzip', ['-9n'], { input: content }) };
}

function manuals(version: string): DebFile[] {
  return Object.entries(manualPages(version)).map(([name, page]) =>
    packed(`usr/share/man/man${name.slice(-1)}/${name}.gz`, page),
  );
}

function completions(): DebFile[] {
  const page = wholePage();
  return [
    plain('usr/share/bash-completion/completions/rsync-ratchet', completionScript(page, 'bash')),
    plain('usr/share/zsh/vendor-completions/_rsync-ratchet', completionScript(page, 'zsh')),
    plain('usr/share/fish/vendor_completions.d/rsync-ratchet.fish', completionScript(page, 'fish')),
  ];
}

/** The units as they are, with the package's program, and without what a copy by hand needs. */
function units(read: Read, names: readonly string[]): DebFile[] {
  return names.map((name) => {
    const text = read('scripts/systemd', name)
      .replace('/usr/local/bin/rsync-ratchet', '/usr/bin/rsync-ratchet')
      .replace('# Copy to /etc/systemd/system, then: ', '# To begin: ');
    return plain(`usr/lib/systemd/system/${name}`, text);
  });
}

/** README and chapters, with their links to each other. */
function chapters(read: Read, names: readonly string[]): DebFile[] {
  return [
    plain(`${documents}/README.md`, read('README.md').replaceAll('src/manual/', 'manual/')),
    ...names
      .filter((name) => name.endsWith('.md'))
      .map((name) =>
        plain(`${documents}/manual/${name}`, read('src/manual', name).replaceAll('../../README.md', '../README.md')),
      ),
  ];
}

/** Without the wrapper of a checkout, which is an example beside it for who has something to do before or after. */
function cronSample(text: string): string {
  return text.replace(
    '/opt/rsync-ratchet/scripts/nightly.sh',
    'umask 077; PATH=/usr/sbin:/usr/bin:/sbin:/bin rsync-ratchet --quiet sync',
  );
}

/** The licences; what every Debian system has in full is named by its place there. */
function copyright(licences: string): string {
  const own = licences.replace(
    /Apache License\s+Version 2\.0[\s\S]*?third-party archives\.\n/g,
    'The Apache License, Version 2.0, as in /usr/share/common-licenses/Apache-2.0, with this notice:\n',
  );
  return `rsync-ratchet is made by its contributors; this package was made of its sources by "npm run deb".

/usr/lib/rsync-ratchet/rsync-ratchet.mjs holds, besides rsync-ratchet itself, the packages that are named below with their
licences. Their versions, and the SHA-512 of each as its registry has it: /usr/lib/rsync-ratchet/rsync-ratchet.cdx.json

${'-'.repeat(80)}

${own}`;
}

/** Debian's changelog: what the manual says of this version. Throws when it says nothing. */
export function changelogOf(version: string, changes: string, maintainer: string, at: Date): string {
  const text = changes.split('\n\n').find((paragraph) => paragraph.startsWith(`**${version}** `));
  if (text === undefined) throw new Error(`src/manual/changes.md says nothing of ${version}`);
  const words = text.slice(`**${version}** `.length).replaceAll('`', '').split(/\s+/);
  const lines = wrapped(words, 74).map((line, n) => `${n === 0 ? '  * ' : '    '}${line}`);
  const date = at.toUTCString().replace('GMT', '+0000');
  return `rsync-ratchet (${version}) unstable; urgency=medium\n\n${lines.join('\n')}\n\n -- ${maintainer}  ${date}\n`;
}

function wrapped(words: readonly string[], width: number): string[] {
  const lines = [''];
  for (const word of words) {
    const longer = `${lines.at(-1) ?? ''} ${word}`.trim();
    if (longer.length > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
