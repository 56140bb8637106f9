/** The completion scripts. The build makes them of the commands themselves (scripts/completion-script.ts) and puts them in here. */
declare const __COMPLETION_BASH__: string;
declare const __COMPLETION_ZSH__: string;
declare const __COMPLETION_FISH__: string;

export type Shell = 'bash' | 'zsh' | 'fish';

/** The script of a shell; there is none but in the built program. */
export function completionOf(shell: Shell): string {
  return { bash: __COMPLETION_BASH__, zsh: __COMPLETION_ZSH__, fish: __COMPLETION_FISH__ }[shell];
}
