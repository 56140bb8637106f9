/** The whole program: every command, in the order of `--help`. */
import { addAcknowledge } from './acknowledge.ts';
import { addAlert } from './alert.ts';
import { addCheck } from './check.ts';
import { addCompletion } from './completion.ts';
import { addConfig } from './config.ts';
import { addDemo } from './demo.ts';
import { addDoctor } from './doctor.ts';
import { addGiveBack } from './give-back.ts';
import { addDrill } from './drill.ts';
import { addExplain } from './explain.ts';
import { addHelp } from './help.ts';
import { addHistory } from './history.ts';
import { addInit } from './init.ts';
import { runProgram, type Add } from './program.ts';
import { addPruneWindow } from './prune-window.ts';
import { addReport } from './report.ts';
import { addRestic } from './restic.ts';
import { addScrub } from './scrub.ts';
import { addSetup } from './setup.ts';
import { addStatus } from './status.ts';
import { addSync } from './sync.ts';
import { addTombstones } from './tombstones.ts';

/** All commands; the one for the completion's scripts is hidden. */
export const commands: readonly Add[] = [
  addInit,
  addSetup,
  addSync,
  addPruneWindow,
  addTombstones,
  addAcknowledge,
  addStatus,
  addExplain,
  addHistory,
  addReport,
  addGiveBack,
  addScrub,
  addCheck,
  addRestic,
  addDrill,
  addAlert,
  addConfig,
  addDoctor,
  addCompletion,
  addDemo,
  addHelp,
];

/** Runs the command that `argv` names; its exit code. Never throws. */
export const run = runProgram.bind(undefined, commands);
