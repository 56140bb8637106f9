/** The chapters of the manual as pages of section 7: of Markdown what they use, as man(7). */
import { literal, titleLine } from './roff.ts';
import { chapters, type Chapter } from '../src/words/manual.ts';

/** `rsync-ratchet-CHAPTER.7` of every chapter, by their file names. */
export function chapterPages(version: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    chapters().map((chapter) => [`${pageName(chapter.name)}.7`, chapterPage(chapter, version)]),
  );
}

/** What `.SH SEE ALSO` says of all chapters. */
export function chapterNames(): string {
  return chapters()
    .map(({ name }) => `.BR ${literal(pageName(name))} (7)`)
    .join(',\n');
}

const pageName = (chapter: string): string => `rsync-ratchet-${chapter}`;

/** The page of one chapter. */
export function chapterPage({ name, title, text }: Chapter, version: string): string {
  const body = text.replace(/^# .*\n+(?:\[rsync-ratchet\]\(.*\)\n+)?/, '');
  const parts = [
    `.\\" Made by scripts/man.ts of src/manual/${name}.md.`,
    titleLine(pageName(name).toUpperCase(), 7, version),
    '.ad l',
    `.SH NAME\n${literal(`${pageName(name)} `)}\\- ${literal(title)}`,
    ...(body.startsWith('## ') ? [] : ['.SH DESCRIPTION']),
    ...blocksOf(body).map(blockAsRoff),
    '.SH SEE ALSO\n.BR rsync\\-ratchet (1),\n.BR rsync\\-ratchet.yaml (5)',
  ];
  return `${parts.join('\n')}\n`;
}

/** Lines that belong together, by how the first one begins. */
interface Block {
  readonly kind: 'code' | 'heading' | 'item' | 'table' | 'text';
  readonly lines: string[];
}

/** A fence's lines are without the fence. A blank line ends all else, and so does a line that begins something. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | undefined;
  for (const line of text.split('\n')) {
    const isFence = line.startsWith('```');
    if (open?.kind === 'code' ? isFence : line === '') open = undefined;
    else if (open !== undefined && belongs(open, line)) open.lines.push(line);
    else blocks.push((open = { kind: kindOf(line), lines: isFence ? [] : [line] }));
  }
  return blocks;
}

function belongs({ kind }: Block, line: string): boolean {
  if (kind === 'code') return true;
  if (kind === 'heading') return false;
  return kindOf(line) === (kind === 'item' ? 'text' : kind);
}

function kindOf(line: string): Block['kind'] {
  if (line.startsWith('```')) return 'code';
  if (/^#+ /.test(line)) return 'heading';
  if (/^(?:-|\d+\.) /.test(line)) return 'item';
  return line.startsWith('|') ? 'table' : 'text';
}

function blockAsRoff({ kind, lines }: Block): string {
  const text = lines.map((line) => line.trim()).join(' ');
  if (kind === 'code') return `.PP\n.RS 4\n.nf\n${literal(lines.join('\n'))}\n.fi\n.RE`;
  if (kind === 'heading') return `${text.startsWith('## ') ? '.SH' : '.SS'} ${inline(text.replace(/^#+ /, ''))}`;
  if (kind === 'table') return tableAsRoff(lines);
  if (kind === 'text') return `.PP\n${inline(text)}`;
  const [, mark = '', words = ''] = /^(\S+) +(.*)$/.exec(text) ?? [];
  return `.IP ${mark === '-' ? '\\(bu 2' : `${mark} 4`}\n${inline(words)}`;
}

/** A row as an item under its first cell: columns of whole sentences would not fit beside each other on a terminal. */
function tableAsRoff([head = '', , ...rows]: readonly string[]): string {
  const [key = '', ...titles] = cellsOf(head);
  const above = titles.length > 1 ? key : [key, ...titles].filter((title) => title !== '').join(': ');
  const cell = (text: string, column: number): string[] => {
    const title = titles.length > 1 ? (titles[column] ?? '') : '';
    return text === '' ? [] : [`${title === '' ? '' : `\\fI${inline(title, 'I')}:\\fR `}${inline(text)}`];
  };
  return [
    ...(above === '' ? [] : [`.PP\n\\fI${inline(above, 'I')}\\fR`]),
    ...rows
      .map(cellsOf)
      .map(([name = '', ...rest]) => `.TP\n\\&${inline(name)}\n${rest.flatMap(cell).join('\n.br\n')}`),
  ].join('\n');
}

function cellsOf(row: string): string[] {
  return row
    .replace(/^\||\|$/g, '')
    .split('|')
    .map((cell) => cell.trim());
}

const marked = /(`+)(.+?)\1|\*\*(.+?)\*\*|\*(?=\S)(.+?)\*|\[([^\]]*)\]\(([^)]*)\)/g;

/** Code and emphasis in a font of their own, and `font` again behind them; links as words, with the page of another chapter. */
function inline(text: string, font = 'R'): string {
  let [roff, end] = ['', 0];
  const inFont = (own: string, inside: string): string => `\\f${own}${inside}\\f${font}`;
  for (const { index, 0: all, 2: code, 3: strong, 4: stressed, 5: words = '', 6: target = '' } of text.matchAll(
    marked,
  )) {
    roff += literal(text.slice(end, index));
    end = index + all.length;
    if (code !== undefined) roff += inFont('B', literal(code).replaceAll('/', '/\\:'));
    else if (strong !== undefined) roff += inFont('B', inline(strong, 'B'));
    else if (stressed !== undefined) roff += inFont('I', inline(stressed, 'I'));
    else roff += inline(words, font) + pageOfLink(target);
  }
  return roff + literal(text.slice(end));
}

function pageOfLink(target: string): string {
  if (/^https?:/.test(target)) return ` <${literal(target)}>`;
  const [, chapter] = /^([\w-]+)\.md(?:#|$)/.exec(target) ?? [];
  return chapter === undefined ? '' : ` [${literal(pageName(chapter))}(7)]`;
}
