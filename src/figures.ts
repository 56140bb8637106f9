/** Counts and sizes for people. Apart from the other words, because the report's page carries them, too. */

/** 1234567 as `1,234,567`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Bytes with a binary unit and three digits, `84.2 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 999.5 ? Math.round(value) : value.toPrecision(3)} ${units[power] ?? 'B'}`;
}

/** `1 file`, `2 files`. */
export function counted(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

/** `2026-11-23 01:27`. */
export function isoMinute(time: Date): string {
  return time.toISOString().slice(0, 16).replace('T', ' ');
}
