// What start.mjs and stop.mjs share: where the demo lives, and who runs.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const data = `${root}.headwater`;
export const sampleFolder = `${data}/sample`;
export const connection = `${sampleFolder}/stt-worker.dev.connection.json`;
export const headwater = `${root}daemon/bin/headwater.js`;
const pidFile = `${data}/demo.pid`;

/** A path as people type it here. */
export const shown = (path) => relative(process.cwd(), path) || '.';

export function runningDemo() {
  if (!existsSync(pidFile)) return null;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return null; // it died without tidying up
  }
}

export const noteDemo = () => writeFileSync(pidFile, String(process.pid));
export const forgetDemo = () => rmSync(pidFile, { force: true });
