import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
beforeEach(() => {
  play = makePlayground();
});
afterEach(() => play[Symbol.dispose]());

describe('typegen', () => {
  const schema = new URL('../../../../schemas/services/stt-worker.schema.json', import.meta.url).pathname;

  test('writes TypeScript, or JavaScript with its types beside it, and refuses other names', async () => {
    expect((await play.run('typegen', schema)).stdout).toContain('export interface SttWorkerConfig {');
    expect((await play.run('typegen', schema, '--out', 'stt.config.ts')).exit).toBe(0);
    expect((await play.run('typegen', schema, '--out', 'stt.config.mjs', '--json')).json()).toMatchObject({
      files: ['stt.config.mjs', 'stt.config.d.mts'],
    });
    expect(readFileSync(join(play.folder, 'stt.config.d.mts'), 'utf8')).toContain(
      'export declare const schema',
    );
    expect(await play.run('typegen', schema, '--out', 'stt.json')).toMatchObject({ exit: 2 });
    expect(await play.run('typegen', schema, '--out', 'nowhere/stt.ts')).toMatchObject({ exit: 2 });
  });

  test('finds the schema of a service in a repository, and says what is wrong with one', async () => {
    await play.run('init', 'repo', '--example');
    expect((await play.run('typegen', 'camera', '--repo', 'repo')).stdout).toContain('CameraConfig');
    writeFileSync(join(play.folder, 'x.schema.json'), '{"a": 1, "a": 2}');
    expect(await play.run('typegen', 'x.schema.json')).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('x.schema.json:1: the key "a" occurs twice'),
    });
  });
});
