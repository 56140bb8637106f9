/** A page in a real browser, where this machine has one. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const chromium = '/usr/bin/chromium';

export const hasChromium = existsSync(chromium);

/** The page's document once its script has run, and what it wrote to its console. */
export async function browse(file: string, profile: string): Promise<{ dom: string; console: string[] }> {
  const args = [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${profile}`, '--window-size=1000,2000',
    '--virtual-time-budget=5000', '--enable-logging=stderr', '--dump-dom', `file://${file}`,
  ];
  const { stdout, stderr } = await promisify(execFile)(chromium, args, { maxBuffer: 1 << 26, timeout: 120_000 });
  return { dom: stdout, console: stderr.split('\n').filter((line) => line.includes('CONSOLE')) };
}
