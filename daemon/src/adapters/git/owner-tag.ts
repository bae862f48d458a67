import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Names the running process in a file name, exactly enough to tell later, after a crash, that it is gone: boot, process id
 * space (containers share a boot and reuse ids), process id, and when that process started.
 */
export function ownerTag(): string {
  tag ??= [bootId(), pidSpace(), process.pid, startTime(process.pid) ?? 0].join('.');
  return tag;
}

/** True only when the process of `tag` certainly no longer runs; anything unknown counts as alive. */
export function isOwnerDead(tagText: string): boolean {
  const match = /^(\w+)\.(\w+)\.(\d+)\.(\d+)$/.exec(tagText);
  if (match === null) return false;
  const [, boot, space, pidText, started] = match;
  if (boot !== bootId()) return true;
  if (space !== pidSpace()) return false;
  const pid = Number(pidText);
  if (!isRunning(pid)) return true;
  const now = startTime(pid);
  return now !== null && String(now) !== started;
}

let tag: string | undefined;

function bootId(): string {
  return firstLine('/proc/sys/kernel/random/boot_id').slice(0, 8) || 'noboot';
}

function pidSpace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 'nospace';
  } catch {
    // Not Linux: one process id space per machine.
    return 'nospace';
  }
}

/** Field 22 of /proc/<pid>/stat, in clock ticks since boot; `null` where there is no such file. */
function startTime(pid: number): number | null {
  const line = firstLine(`/proc/${pid}/stat`);
  // The program's name (field 2) may hold spaces and brackets, so count from the last bracket.
  const field = line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
  return field === undefined || field === '' ? null : Number(field);
}

function firstLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').split('\n', 1)[0] ?? '';
  } catch {
    // Not Linux, or the process is gone.
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
