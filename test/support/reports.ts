/** What `report --html` is made of: a journal, with words in it that would like to be HTML. */
import { join } from 'node:path';
import { writeConfig, type WrittenConfig } from './config.ts';
import { writeJournal } from './journals.ts';
import { type Ending, temporaryFolder } from './temporary.ts';

const hostile = '</script><script>document.title = "taken over"</script><img src=x onerror="document.title=1">';

/** A configuration whose journal has so many nights. */
export function preparedReport(t: Ending, nights: number): { folder: string; config: WrittenConfig } {
  const folder = temporaryFolder(t);
  const config = writeConfig(folder, join(folder, 'source'));
  writeJournal(config.state, nights, new Date('2026-11-23T01:40:00Z'), [{ event: 'acknowledged', who: 'mallory', reason: hostile }]);
  return { folder, config };
}
