/** The chapters of the manual, as `help TOPIC` prints them. */
import { textsBeside } from '../beside.ts';

declare const __MANUAL__: string | undefined;

/** A chapter: the name of its file without `.md`, its title, and the whole as Markdown. */
export interface Chapter {
  readonly name: string;
  readonly title: string;
  readonly text: string;
}

/** All chapters of src/manual, by name. The build fills them in. */
export function chapters(): Chapter[] {
  const texts = typeof __MANUAL__ === 'string' ? (JSON.parse(__MANUAL__) as Texts) : fromSources();
  return Object.entries(texts).map(([file, text]) => {
    const title = /^# (.*)/.exec(text)?.[1] ?? '';
    return { name: file.replace(/\.md$/, ''), title, text: text.trimEnd() };
  });
}

type Texts = Readonly<Record<string, string>>;

function fromSources(): Texts {
  return textsBeside(import.meta.url, '../manual/');
}
