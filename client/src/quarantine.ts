import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Refused files kept for whoever looks into it. */
const kept = 5;

/** Moves a refused file away, and removes the oldest ones beyond five. */
export function quarantine(path: string, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!lstatSync(folder).isDirectory()) throw new Error(`${folder} is no folder`);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const names = readdirSync(folder);
  let name = `${stamp}.${basename(path)}`;
  for (let i = 1; names.includes(name); i++) name = `${stamp}.${i}.${basename(path)}`;
  renameSync(path, join(folder, name));
  const oldest = [...names, name].sort().slice(0, -kept);
  for (const one of oldest) rmSync(join(folder, one), { force: true });
}
