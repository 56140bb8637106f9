/** The commands as data, for the completion and for the manual pages. */

/** What stands behind an option or as an argument: a file, a run's ID, a repository, one of some words, or free text. */
export type Kind = 'file' | 'run' | 'repository' | 'text' | readonly string[];

/** An option; `value` is absent for a switch. */
export interface OptionPage {
  /** As `--help` shows it, such as `--run <run>`. */
  readonly flags: string;
  readonly long: string;
  readonly description: string;
  readonly value?: Kind;
}

/** An argument; one that `repeats` is the last. */
export interface ArgumentPage {
  readonly name: string;
  readonly description: string;
  readonly kind: Kind;
  readonly repeats: boolean;
}

/** A command with all that is below it; for the completion and for the manual page. */
export interface CommandPage {
  /** From the program's name on: `rsync-ratchet tombstones keep`. */
  readonly usage: string;
  /** Without the program's name: `tombstones keep`; empty for the program. */
  readonly path: string;
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly ArgumentPage[];
  /** Its own ones, without those of the program. */
  readonly options: readonly OptionPage[];
  readonly commands: readonly CommandPage[];
  /** The end of its `--help`. */
  readonly exitCodes: string;
}

/** The command and all below it. */
export function allCommands(command: CommandPage): CommandPage[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** The options that a command takes: its own and the program's. */
export function optionsOf(program: CommandPage, command: CommandPage): readonly OptionPage[] {
  return command === program
    ? program.options
    : [
        ...command.options,
        ...program.options.filter(
          ({ long }) => !command.options.some((own) => own.long === long) && long !== '--version',
        ),
      ];
}
