/** Scripts that complete the command line in bash, zsh and fish, made of the commands as data. */
import { allCommands, optionsOf, type CommandPage, type Kind } from './command-page.ts';
import type { Shell } from '../src/cli/completions.ts';

export const shells: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** The script of a shell. It asks the program itself (the hidden `complete`) for repositories and runs. */
export function completionScript(program: CommandPage, shell: Shell): string {
  return { bash, zsh, fish }[shell](program);
}

const word = (kind: Kind | undefined): string =>
  kind === undefined ? '' : typeof kind === 'string' ? kind : `(${kind.join(' ')})`;

/** `case` rows that tell what stands behind an option; bash and zsh read them alike. */
function valueRows(program: CommandPage): string {
  const rows = allCommands(program).flatMap(({ path, options }) =>
    options.flatMap(({ long, value }) =>
      value === undefined ? [] : [`    ${path === '' ? "*'" : `'${path}`}|${long}') kind='${word(value)}' ;;`],
    ),
  );
  return rows.join('\n');
}

/** `case` rows that tell what a command has below it. Arguments: one kind for each, the last with `*` when it repeats. */
function belowRows(program: CommandPage): string {
  return allCommands(program)
    .map((command) => {
      const kinds = command.arguments.map(({ kind, repeats }) => `'${word(kind)}${repeats ? '*' : ''}'`);
      return `    '${command.path}')
      subcommands='${command.commands.map(({ name }) => name).join(' ')}'
      flags='${optionsOf(program, command)
        .map(({ long }) => long)
        .join(' ')}'
      arguments=(${kinds.join(' ')}) ;;`;
    })
    .join('\n');
}

/** Sets what the word to complete is, from the words before it. For bash and zsh. */
const walk = `# Sets kind (what the word to complete is: a kind, or empty for a command) from the words before it.
_rsync_ratchet_walk() {
  local given value='' count=0
  at='' kind='' repository='' config=()
  _rsync_ratchet_below ''
  for given in "$@"; do
    if [ -n "$value" ]; then
      [ "$value" != --config ] || config=(--config "\${given/#\\~/$HOME}")
      value='' kind=''
      continue
    fi
    case "$given" in
      -*)
        _rsync_ratchet_value "$at" "$given"
        [ -z "$kind" ] || value=$given
        continue ;;
    esac
    case " $subcommands " in
      *" $given "*) at="\${at:+$at }$given"; _rsync_ratchet_below "$at" ;;
      *) count=$((count + 1)); repository=\${repository:-$given} ;;
    esac
  done
  [ -n "$value" ] && return
  local last=
  for given in "\${arguments[@]}"; do
    last=$given
    [ "$count" -gt 0 ] || break
    case "$given" in *'*') ;; *) last='' ;; esac
    count=$((count - 1))
  done
  kind=\${last%'*'}
}
`;

/** What bash and zsh share: tables, and the walk through the words before the one that is completed. */
function tables(program: CommandPage): string {
  return `_rsync_ratchet_value() {
  case "$1|$2" in
${valueRows(program)}
    *) kind='' ;;
  esac
}

_rsync_ratchet_below() {
  case "$1" in
${belowRows(program)}
  esac
}

${walk}`;
}

function bash(program: CommandPage): string {
  return `# Completion of rsync-ratchet for bash: source <(rsync-ratchet completion bash)

${tables(program)}
_rsync_ratchet() {
  local at kind repository config subcommands flags arguments current=\${COMP_WORDS[COMP_CWORD]} found=''
  _rsync_ratchet_walk "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  COMPREPLY=()
  case "$current" in
    -*) found=$flags ;;
    *)
      case "$kind" in
        file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        run) found=$("\${COMP_WORDS[0]}" "\${config[@]}" complete runs "$repository" 2>/dev/null) ;;
        repository) found=$("\${COMP_WORDS[0]}" "\${config[@]}" complete repositories 2>/dev/null) ;;
        '('*) found=\${kind:1:-1} ;;
        '') found=$subcommands ;;
      esac ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$found" -- "$current")
}

complete -F _rsync_ratchet rsync-ratchet
`;
}

function zsh(program: CommandPage): string {
  const described = allCommands(program).map((command) => {
    const list = (pages: readonly { name: string; description: string }[]): string =>
      pages.map(({ name, description }) => `      ${single(`${name}:${description}`)}`).join('\n');
    const options = optionsOf(program, command).map(({ long, description }) => ({ name: long, description }));
    return `    '${command.path}')\n      described=(\n${list(command.commands)}\n      )\n      switches=(\n${list(options)}\n      ) ;;`;
  });
  return `#compdef rsync-ratchet
# Completion of rsync-ratchet for zsh: source <(rsync-ratchet completion zsh), or as a file _rsync-ratchet in $fpath

${tables(program)}
_rsync_ratchet_described() {
  case "$1" in
${described.join('\n')}
  esac
}

_rsync_ratchet() {
  local at kind repository subcommands flags
  local -a config arguments described switches found
  _rsync_ratchet_walk "\${(@)words[2,CURRENT-1]}"
  _rsync_ratchet_described "$at"
  if [[ $words[CURRENT] == -* ]]; then _describe option switches; return; fi
  case "$kind" in
    file) _files ;;
    run) found=(\${(f)"$($words[1] $config complete runs $repository 2>/dev/null)"}); compadd -a found ;;
    repository) found=(\${(f)"$($words[1] $config complete repositories 2>/dev/null)"}); compadd -a found ;;
    '('*) found=(\${=kind[2,-2]}); compadd -a found ;;
    '') (( $#described )) && _describe command described ;;
  esac
}

if [ "$funcstack[1]" = _rsync-ratchet ]; then _rsync_ratchet "$@"; else compdef _rsync_ratchet rsync-ratchet; fi
`;
}

function single(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fish(program: CommandPage): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const values: Readonly<Record<string, string>> = {
    file: ' -F',
    run: " -f -a '(__rsync_ratchet_ask runs)'",
    repository: " -f -a '(__rsync_ratchet_ask repositories)'",
    text: ' -f',
  };
  const offer = (kind: Kind): string =>
    typeof kind === 'string' ? (values[kind] ?? '') : ` -f -a ${quote(kind.join(' '))}`;
  const rows = allCommands(program).flatMap((command) => {
    const at = `complete -c rsync-ratchet -n ${quote(`__rsync_ratchet_at '${command.path}'`)}`;
    return [
      ...command.commands.map(({ name, description }) => `${at} -a ${name} -d ${quote(description)}`),
      ...optionsOf(program, command).map(
        ({ long, description, value }) =>
          `${at} -l ${long.slice(2)} -d ${quote(description)}${value === undefined ? '' : ` -r${offer(value)}`}`,
      ),
      ...command.arguments.slice(0, 1).map(({ kind }) => at + offer(kind)),
    ];
  });
  const paths = allCommands(program)
    .map(({ path }) => quote(path))
    .join(' ');
  const valued = allCommands(program).flatMap(({ options }) =>
    options.filter(({ value }) => value !== undefined).map(({ long }) => long),
  );
  return fishScript([...new Set(valued)].join(' '), paths, rows);
}

const fishScript = (valued: string, paths: string, rows: readonly string[]): string =>
  `# Completion of rsync-ratchet for fish: rsync-ratchet completion fish | source

function __rsync_ratchet_at
    set -l at
    set -l skip 0
    for given in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if contains -- $given ${valued}
            set skip 1
        else if contains -- (string join ' ' -- $at $given) ${paths}
            set at $at $given
        end
    end
    test "$at" = "$argv"
end

function __rsync_ratchet_ask
    set -l words (commandline -opc)
    set -l config
    if set -l index (contains -i -- --config $words)
        set config --config $words[(math $index + 1)]
    end
    $words[1] $config complete $argv 2>/dev/null
end

complete -c rsync-ratchet -f
${rows.join('\n')}
`;
