import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  bad, checkupLines, type Checkup, doctorExitCode, doctorSummary, doctorToJson, good, type Verdict, warning,
} from '../../src/doctor/checkup.ts';

const of = (verdict: Verdict, item = 'thing', repository?: string): Checkup => ({ repository, item, ...verdict });

describe('lines', () => {
  const rows: [name: string, checkup: Checkup, lines: string[]][] = [
    ['good', of(good('fine')), ['  ✔ thing         fine']],
    ['bad', of(bad('broken', 'mend it')), ['  ✘ thing         broken', '    → mend it']],
    ['a warning', of(warning('so so', 'better: x')), ['  ! thing         so so', '    → better: x']],
    ['words of serverA are harmless', of(bad('a\u001b[2Jb\r\nc\n', 'x')), ['  ✘ thing         a\\#033[2Jb; c', '    → x']],
  ];
  for (const [name, checkup, lines] of rows) test(name, () => assert.deepEqual(checkupLines(checkup).map(([line]) => line), lines));
});

describe('the whole', () => {
  const rows: [name: string, checkups: Checkup[], summary: string, exitCode: number][] = [
    ['nothing', [], 'all is well', 0],
    ['good ones', [of(good('a')), of(good('b'))], 'all is well', 0],
    ['a warning is no failure', [of(good('a')), of(warning('b', 'c'))], '1 warning', 0],
    ['one bad is', [of(good('a')), of(warning('b', 'c')), of(bad('d', 'e')), of(bad('f', 'g'))], '2 problems, 1 warning', 1],
  ];
  for (const [name, checkups, summary, exitCode] of rows) {
    test(name, () => assert.deepEqual([doctorSummary(checkups)[0], doctorExitCode(checkups)], [summary, exitCode]));
  }

  test('as a document', () => {
    assert.deepEqual(JSON.parse(doctorToJson([of(good('v20'), 'node'), of(bad('a\tb', 'c'), 'source', 'nightly')])), {
      version: 1, healthy: false, checkups: [
        { repository: null, item: 'node', standing: 'good', message: 'v20', mend: null },
        { repository: 'nightly', item: 'source', standing: 'bad', message: 'a\\#011b', mend: 'c' },
      ],
    });
  });
});
