/** The teller of the demo: sets the stage, tells the story step by step, and stops where a step is not as told. */
import { Failure } from '../../src/errors.ts';
import type { Console, Tone } from '../../src/telling/console.ts';
import { goOn } from './keep.ts';
import { setStage, type Ended, type Stage, type Typed } from './stage.ts';
import type { Effect, Seen } from './effects.ts';
import { story, type Step } from './story.ts';
import { fold, readMail, typedLine } from './words.ts';

/** What the demo is given. */
export interface DemoOptions {
  readonly keep: boolean;
  readonly console: Console;
  readonly interrupt: AbortSignal;
}

/** What came of it when every step behaved as told. */
export interface DemoReport {
  readonly version: 1;
  readonly seconds: number;
  /** How serverB reached serverA. */
  readonly source: 'ssh' | 'local';
  /** The folder that was kept. */
  readonly kept: string | null;
  readonly steps: readonly ToldStep[];
}

interface ToldStep {
  readonly command: string;
  readonly exitCode: number;
  /** What was seen to be true afterwards. */
  readonly holds: readonly string[];
}

/** Put before whatever programs print, to tell it from the words between. */
const margin = ' ';

/** Tells the whole story. Throws Failure at the first step that is not as told, and Interrupted when told to stop. */
export async function playDemo({ keep, console, interrupt }: DemoOptions): Promise<DemoReport> {
  const from = performance.now();
  const stage = await setStage(interrupt);
  const steps: ToldStep[] = [];
  try {
    introduce(console, stage);
    for (const step of story) steps.push(await tell(console, stage, step));
  } finally {
    await stage.close({ keep });
    if (steps.length === story.length) conclude(console, steps, secondsSince(from), keep);
    if (keep)
      goOn(stage).forEach((line) => {
        console.say(line);
      });
  }
  return {
    version: 1,
    seconds: secondsSince(from),
    source: 'port' in stage.door ? 'ssh' : 'local',
    kept: keep ? stage.folder : null,
    steps,
  };
}

function secondsSince(from: number): number {
  return Number(((performance.now() - from) / 1000).toFixed(1));
}

function introduce(console: Console, { folder, door }: Stage): void {
  console.mention('rsync-ratchet: the whole story, on a throw-away repository', 'title');
  paragraph(
    console,
    'Every night, serverB pulls a restic repository from serverA. Its copy, the replica, can only grow. Here folders play the machines; the programs, the repository and what they print are real. What is marked [ok] was checked by looking.',
  );
  paragraph(
    console,
    'port' in door
      ? `serverB reaches serverA by ssh: a throw-away sshd on 127.0.0.1, port ${door.port}, lets one key run "rrsync -ro" on the repository, and nothing else.`
      : `serverB reads serverA's folder as a local path, without ssh: ${door.reason}.`,
  );
  paragraph(console, `All of it is in ${folder}`);
}

/** One step: its words, its command, what that printed, and whether all is as told. */
async function tell(console: Console, stage: Stage, step: Step): Promise<ToldStep> {
  announce(console, step);
  step.prepare?.(stage);
  const typed = step.run(stage);
  const command = typedLine(typed.argv);
  fold(`${typed.on}$ ${command}`, { margin, hang: 4, end: ' \\' }).forEach((line) => {
    console.mention(line, 'title');
  });
  const before = stage.look();
  const ended = await stage.run(typed);
  print(console, typed, ended);
  const seen = { stage, before, after: stage.look(), ended };
  const holds = judge(step, seen, command);
  holds.forEach((told) => {
    console.mention(`${margin}[ok] ${told}`, 'good');
  });
  showMail(console, step, seen);
  return { command, exitCode: step.expect.exit, holds };
}

function announce(console: Console, step: Step): void {
  if (step.title !== undefined) {
    const chapter = story.filter(({ title }) => title !== undefined).indexOf(step) + 1;
    console.mention();
    console.mention(`${chapter}. ${step.title}`, 'title');
  }
  step.words.forEach((words) => {
    paragraph(console, words);
  });
  console.mention();
}

function paragraph(console: Console, words: string): void {
  console.mention();
  fold(words).forEach((line) => {
    console.mention(line);
  });
}

/** What the command printed, in the colours that it has on a terminal of its own: its first line is its verdict. */
function print(console: Console, { argv }: Typed, { code, printed }: Ended): void {
  const tone: Tone = argv[0] !== 'rsync-ratchet' ? 'plain' : code === 0 ? 'good' : 'bad';
  printed
    .split('\n')
    .filter((line) => line.trim() !== '')
    .forEach((line, index) => {
      fold(line, { margin }).forEach((part) => {
        console.mention(part, index === 0 ? tone : 'plain');
      });
    });
}

/** Compares what happened with what was told; what is true, in words. Throws Failure at the first difference. */
function judge(step: Step, seen: Seen, command: string): string[] {
  const { exit, effects } = step.expect;
  const { code } = seen.ended;
  if (code !== exit)
    throw notAsTold(
      command,
      `it ended with ${code === undefined ? 'a signal' : `exit code ${code}`}, not with exit code ${exit}`,
    );
  const wrong = effects.find((effect) => !isTrue(effect, seen));
  if (wrong !== undefined) throw notAsTold(command, `this is not true: ${wrong.told}`);
  const isOurs = command.startsWith('rsync-ratchet');
  return [...(isOurs ? [`exit code ${exit}${exit === 3 ? ': alarm' : ''}`] : []), ...effects.map(({ told }) => told)];
}

/** What cannot be looked at is not true. */
function isTrue(effect: Effect, seen: Seen): boolean {
  try {
    return effect.holds(seen);
  } catch {
    return false;
  }
}

function notAsTold(command: string, what: string): Failure {
  return new Failure(
    `the demo stops here: "${command}" did not behave as told. ${what}`,
    'please report this with all that was printed; demo --keep leaves the folder for a closer look',
  );
}

/** The mail that the command sent, as its reader sees it. */
function showMail(console: Console, step: Step, { before, after }: Seen): void {
  const file = after.mails.find((mail) => !before.mails.includes(mail));
  if (step.mail === undefined || file === undefined) return;
  const { from, to, subject, text } = readMail(file);
  const show = (line: string, tone: Tone = 'plain'): void => {
    fold(line, { margin: `${margin}| ` }).forEach((part) => {
      console.mention(part, tone);
    });
  };
  paragraph(console, step.mail === 'whole' ? 'This is the mail:' : 'The subject of the mail:');
  console.mention();
  if (step.mail === 'whole')
    [`From: ${from}`, `To: ${to}`].forEach((line) => {
      show(line);
    });
  show(`Subject: ${subject}`, 'title');
  if (step.mail === 'whole')
    ['', ...text.trimEnd().split('\n')].forEach((line) => {
      show(line);
    });
}

function conclude(console: Console, steps: readonly ToldStep[], seconds: number, keep: boolean): void {
  console.mention();
  console.mention(
    `All ${steps.length} commands did what they should, in ${seconds.toFixed(1)} s.${keep ? '' : ' Nothing is left behind.'}`,
    'good',
  );
  if (!keep)
    paragraph(console, 'To look around in the folder afterwards: npm run demo -- --keep. For real: see the README.');
}
