/** The part of the program that the nights run: built by itself, because it starts faster than the whole. */
import { runProgram, type Add } from './program.ts';
import { addSync } from './sync.ts';

/** The commands that `partOf` finds in here. */
export const commands: readonly Add[] = [addSync];

/** Runs the command that `argv` names; its exit code. Never throws. */
export const run = runProgram.bind(undefined, commands);
