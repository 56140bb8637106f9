/** The part of the program that only looks at the state folder, or writes there: built by itself, because it starts faster than the whole. */
import { addAcknowledge } from './acknowledge.ts';
import { addHistory } from './history.ts';
import { runProgram, type Add } from './program.ts';
import { addPruneWindow } from './prune-window.ts';
import { addStatus } from './status.ts';
import { addTombstones } from './tombstones.ts';

/** The commands that `partOf` finds in here. */
export const commands: readonly Add[] = [addPruneWindow, addTombstones, addAcknowledge, addStatus, addHistory];

/** Runs the command that `argv` names; its exit code. Never throws. */
export const run = runProgram.bind(undefined, commands);
