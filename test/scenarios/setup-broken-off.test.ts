/** `setup` left at each of its questions, whichever there are: it says how far it was, and goes on from there. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Home, type Host, startCron, startHost } from '../support/firstHour.ts';
import type { Terminal } from '../support/terminal.ts';

let host: Host;
let cron: Awaited<ReturnType<typeof startCron>>;
before(async () => { [host, cron] = await Promise.all([startHost(), startCron()]); });
after(() => Promise.all([host.sshd.stop(), cron.stop()]));

const keys = [['Ctrl-C', '\x03'], ['the end of the input', '\x04']] as const;

/** What a newcomer answers, by how a question begins. A question that is not here fails the test: it is to be left, too. */
const answers: readonly (readonly [beginning: RegExp, line: () => string])[] = [
  [/^Name /, () => 'nightly'],
  [/^Source: $/, () => host.source],
  [/^Port /, () => String(host.sshd.port)],
  [/^Do they agree\? /, () => 'y'],
  [/^Replica /, () => ''],
  [/^Source \[/, () => ''],
  [/^Number /, () => '1'],
  [/^Password /, () => 'open sesame'],
  [/^Mail to /, () => '-'],
  [/^Compare them with serverA now or later\. Go on\? /, () => 'y'],
  [/^Add them\? /, () => 'y'],
];
const answerTo = (question: string): string | undefined => answers.find(([beginning]) => beginning.test(question))?.[1]();
/** A line that waits; what is said of steps begins with blanks and ends with the line. */
const isQuestion = (line: string): boolean => /^[A-Z].*(?::|\]) $/.test(line) && answerTo(line) !== undefined;

/** Whether a snapshot is in the replica. */
const copies = (home: Home): boolean => existsSync(home.at('replica/nightly/snapshots')) && readdirSync(home.at('replica/nightly/snapshots')).length > 0;

/** Answers all that was asked before, up to a question that was not; undefined when there is none. */
async function newQuestion(terminal: Terminal, left: ReadonlySet<string>): Promise<string | undefined> {
  for (;;) {
    const question = await terminal.nextQuestion(isQuestion);
    if (question === undefined || !left.has(question)) return question;
    terminal.type(`${answerTo(question) ?? ''}\r`);
  }
}

test('left at each question by Ctrl-C or the end of the input: 130, what is done and what is not; started again it changes none of that', async () => {
  const home = new Home();
  const left = new Set<string>();
  let settings: string[] = [];
  for (let isAllowed = false; ; ) {
    const terminal = home.start('setup');
    const question = await newQuestion(terminal, left);
    for (const line of settings) assert.ok(home.settings().includes(line), `${line} changed\n${terminal.text}`);
    if (question === undefined) {
      assert.equal(await terminal.end(), 0, terminal.text);
      assert.match(terminal.text, /nightly is protected: /);
      break;
    }
    if (question.startsWith('Source [') && !isAllowed) {
      isAllowed = true;
      host.authorise(terminal.text);
    }
    const [name, key] = keys[left.size % keys.length] ?? keys[0];
    left.add(question);
    terminal.type(key);
    assert.equal(await terminal.end(), 130, `${question}, left by ${name}:\n${terminal.text}`);
    const [, done = '', undone = ''] = /\nStopped at: [^\n]*\n {2}done: ([^\n]*)\n {2}not done: ([^\n]*)\n/.exec(terminal.text) ?? [];
    assert.ok(terminal.text.includes(`Stopped at: ${question.trim().replace(/:$/, '')}\n`), terminal.text);
    const facts = { 'the configuration': existsSync(home.config), 'the first copy': copies(home), 'the nightly start': home.crontab() !== undefined };
    for (const [part, isThere] of Object.entries(facts)) assert.deepEqual([done.includes(part), undone.includes(part)], [isThere, !isThere], `${part} at ${question}`);
    settings = home.settings().filter((line) => !line.includes('known_hosts'));
  }
  assert.deepEqual(answers.filter(([beginning]) => ![...left].some((question) => beginning.test(question))).map(String), [], 'all that can be answered was asked, and left');
  assert.equal(home.crontab()?.split('\n').length, 3);
});
