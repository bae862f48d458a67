import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isOwnerDead, ownerTag } from './owner-tag.ts';

test('this process is alive, and one that was started later under its id is another', () => {
  expect(isOwnerDead(ownerTag())).toBe(false);
  expect(isOwnerDead(ownerTag().replace(/\.\d+$/, '.1'))).toBe(true);
});

test('a process of an earlier boot is dead, one in another container cannot be judged', () => {
  const [boot, space, pid, started] = ownerTag().split('.');
  expect(isOwnerDead(['00000000', space, pid, started].join('.'))).toBe(true);
  expect(isOwnerDead([boot, '1', pid, started].join('.'))).toBe(false);
});

test('a process that ended is dead, and text that is no owner is not', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const started = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19];
  const tag = [...ownerTag().split('.').slice(0, 2), child.pid, started].join('.');
  expect(isOwnerDead(tag)).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isOwnerDead(tag)).toBe(true);
  for (const text of ['', 'x', '1.2.3', '../../etc']) expect(isOwnerDead(text)).toBe(false);
});
