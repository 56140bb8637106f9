/** What starts a night, and of what: lines of cron, and what systemd says of timers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scheduleOf } from '../../src/doctor/schedule.ts';
import { nightOf, nightsOfCrontab, nightsOfScript, nightsOfTimers, type Starter } from '../../src/doctor/starters.ts';

describe('a command', () => {
  const rows: [command: string, names: string[] | undefined, config?: string][] = [
    ['rsync-ratchet --quiet sync', []],
    ['/usr/bin/node /opt/rsync-ratchet/dist/main.js --quiet sync one two >/dev/null 2>&1', ['one', 'two']],
    ['umask 077; PATH=/usr/bin rsync-ratchet --config /home/a/c.yaml --quiet sync', [], '/home/a/c.yaml'],
    ["rsync-ratchet --config '/a b/c' sync one", ['one'], '/a b/c'],
    ['rsync-ratchet --config=/50\\%/c sync', [], '/50%/c'],
    ['rsync-ratchet sync;true', []],
    ['nightly.sh', []],
    ['/opt/rsync-ratchet/scripts/nightly.sh one --no-limits', ['one']],
    ['rsync-ratchet --quiet alert flush', undefined],
    ['rsync-ratchet synchronise', undefined],
    ['rsync -a /x /y', undefined],
    ['', undefined],
  ];
  for (const [command, names, config] of rows) test(JSON.stringify(command), () => assert.deepEqual(nightOf(command), names && { names, config }));
});

describe('lines of cron', () => {
  const rows: [text: string, users: string[]][] = [
    ['MAILTO=root\n27 1 * * * ratchet rsync-ratchet sync\n', ['ratchet']],
    [' 5 */2 1-5 jan,feb mon-fri\tratchet\trsync-ratchet sync', ['ratchet']],
    ['@daily ratchet rsync-ratchet sync', ['ratchet']],
    ['@reboot ratchet rsync-ratchet sync', []],
    ['# 27 1 * * * ratchet rsync-ratchet sync', []],
    ['*/15 * * * * ratchet rsync-ratchet --quiet alert flush', []],
    ['NIGHT=rsync-ratchet sync', []],
  ];
  for (const [text, users] of rows) test(JSON.stringify(text), () => assert.deepEqual(nightsOfCrontab(text).map(({ user }) => user), users));
  test('a crontab is its user\'s; a script is root\'s, but for its comments', () => {
    assert.deepEqual(nightsOfCrontab('0 1 * * * rsync-ratchet sync', 'me').map(({ user }) => user), ['me']);
    assert.deepEqual(nightsOfScript('#!/bin/sh\n# rsync-ratchet sync\n  exec rsync-ratchet sync\n').map(({ user }) => user), ['root']);
  });
});

describe('timers', () => {
  const services = [
    'Id=rsync-ratchet.service\nExecStart={ path=/usr/bin/rsync-ratchet ; argv[]=/usr/bin/rsync-ratchet --quiet sync ; ignore_errors=no ; start_time=[n/a] }\nUser=ratchet',
    'Id=rsync-ratchet@one.service\nExecStart={ path=/usr/bin/rsync-ratchet ; argv[]=/usr/bin/rsync-ratchet --quiet sync one ; ignore_errors=no ; }\nUser=ratchet',
    'Id=rsync-ratchet-flush.service\nExecStart={ path=/usr/bin/rsync-ratchet ; argv[]=/usr/bin/rsync-ratchet --quiet alert flush ; ignore_errors=no ; }\nUser=ratchet',
    'Id=mine.service\nExecStart={ path=/opt/nightly.sh ; argv[]=/opt/nightly.sh ; ignore_errors=no ; }\nUser=',
  ].join('\n\n');
  const timer = (unit: string, active = 'active', enabled = 'enabled'): string => `Id=${unit}.timer\nActiveState=${active}\nUnitFileState=${enabled}\nUnit=${unit}.service\n`;
  const rows: [name: string, timers: string, found: unknown[]][] = [
    ['at work', timer('rsync-ratchet'), [['ratchet', [], undefined]]],
    ['of one', timer('rsync-ratchet@one'), [['ratchet', ['one'], undefined]]],
    ['of another name', timer('mine', 'active', 'generated'), [['root', [], undefined]]],
    ['not started', timer('rsync-ratchet', 'inactive'), [['ratchet', [], ['rsync-ratchet.timer is not started', 'systemctl enable --now rsync-ratchet.timer']]]],
    ['until the next boot', timer('rsync-ratchet', 'active', 'disabled'), [['ratchet', [], ['rsync-ratchet.timer runs, and will not after the next boot', 'systemctl enable --now rsync-ratchet.timer']]]],
    ['what sends alerts alone', timer('rsync-ratchet-flush'), []],
    ['none', '', []],
  ];
  for (const [name, timers, found] of rows) test(name, () => assert.deepEqual(nightsOfTimers(timers, services).map(({ user, names, missing }) => [user, names, missing]), found));
  test('a user\'s own are his', () => {
    const [one] = nightsOfTimers(timer('rsync-ratchet', 'inactive'), services, 'me');
    assert.deepEqual([one?.user, one?.by, one?.missing?.[1]], ['me', 'user timer', 'systemctl --user enable --now rsync-ratchet.timer']);
  });
});

describe('the verdict', () => {
  const starter = (where: string, names: string[] = [], missing?: Starter['missing']): Starter => ({ where, by: 'cron', user: 'root', names, config: undefined, ...(missing && { missing }) });
  const rows: [name: string, starters: Starter[], names: string[], standing: string, words: RegExp][] = [
    ['nothing', [], ['a'], 'warning', /^no crontab and no timer starts a night$/],
    ['nothing, and no repository', [], [], 'warning', /starts a night$/],
    ['all', [starter('x')], ['a', 'b'], 'good', /^x$/],
    ['each by its name', [starter('x', ['a']), starter('y', ['b'])], ['a', 'b'], 'good', /^x, y$/],
    ['one is forgotten', [starter('x', ['a'])], ['a', 'b'], 'warning', /starts a night of b$/],
    ['one that does not work', [starter('x', [], ['asleep', 'wake it'])], ['a'], 'warning', /^asleep$/],
    ['one that does not work beside one that does', [starter('x', [], ['asleep', 'wake it']), starter('y')], ['a'], 'good', /^y$/],
  ];
  for (const [name, starters, names, standing, words] of rows) {
    test(name, () => {
      const verdict = scheduleOf(starters, names);
      assert.equal(verdict.standing, standing);
      assert.match(verdict.words, words);
    });
  }
});
