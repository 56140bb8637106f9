/** Raising the alarm: what a run has found stays raised until an operator acknowledges it (P9). */
import type { Holdings } from '../holdings.ts';
import { messageIdOf, type Run } from '../run.ts';
import { alarmWith, type Alarm } from './alarm.ts';

/** Raises the alarm if the run has found a violation; whether an alarm stands. */
export async function alarmStands(held: Holdings, run: Run): Promise<boolean> {
  if (run.findings.rules('violation').length > 0) run.alarm = await raise(held, run);
  return run.alarm !== undefined;
}

/** Raises it with this run's violations, or adds them to the one that stands. */
function raise({ state, place }: Holdings, run: Run): Promise<Alarm> {
  return state.locked(() => {
    const standing = state.alarm();
    const alarm = alarmWith(standing, run, messageIdOf(run, place.host));
    state.setAlarm(alarm);
    const { rules, since, messageId } = alarm;
    if (standing === undefined) {
      state.note(new Date(), { event: 'alarm-raised', runId: run.runId, rules, since, messageId });
    }
    return alarm;
  });
}
