/** A mail as plain text. */
import { formatCount } from '../figures.ts';
import type { Block, Letter } from './letter.ts';
import { foundLines, section } from '../words/report.ts';

/** Printable ASCII and line ends. */
export function letterText({ headline, urgent, facts, blocks }: Letter): string {
  const table = facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${value}`);
  return `${[headline, '', ...urgent.flatMap(blockLines), ...table, '', ...blocks.flatMap(blockLines)].join('\n').trimEnd()}\n`;
}

function blockLines(block: Block): string[] {
  switch (block.kind) {
    case 'lines':
      return section(block.title, block.lines);
    case 'steps':
      return section(
        block.title,
        block.steps.flatMap(({ when, command }) => [`# ${when}`, command]),
      );
    case 'found':
      return section(`${block.title} (${formatCount(block.found.count)})`, foundLines(block.found));
  }
}
