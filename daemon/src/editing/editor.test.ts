import { HeadwaterError } from '@headwater/schemas/protocol';
import { describe, expect, test, vi } from 'vitest';
import { type EditScene, openEditScene, startFiles } from './testing.ts';

// Every test makes a repository with native git.
vi.setConfig({ testTimeout: 60_000 });

const base = 'services/cam/config.json';
const prod = 'services/cam/config.prod.json';
const protectedFiles = {
  ...startFiles,
  'headwater.json': JSON.stringify({
    headwater: 1,
    deployment: 'tars',
    environments: ['dev', 'prod', { name: 'canary', extends: 'prod' }],
    protected: ['prod'],
  }),
};
const fail = (code: string, details: object = {}) => ({ code, details: expect.objectContaining(details) });
const head = (scene: EditScene, format: string) => scene.made.git('log', '-1', `--format=${format}`);

describe('one edit', () => {
  test('becomes one commit: the actor is its author, the daemon commits it, the request is in its trailer', async () => {
    await using scene = await openEditScene();
    const first = scene.tip();
    const outcome = await scene.editor.commit({
      ...scene.request(base, { fps: 25, name: 'front' }),
      message: 'Slow down\r\n\r\nHeadwater-Allow-Removal: 99\u0007\n',
      trailers: [['Reviewed-by', 'Bob']],
    });
    expect(outcome).toMatchObject({
      commit: scene.tip(),
      epoch: { era: 1, seq: 2, commit: scene.tip() },
      changed: true,
      merged: false,
      applied: { dev: { cam: ['/fps'] }, prod: { cam: ['/fps'] } },
    });
    expect(outcome).not.toHaveProperty('held');
    expect(head(scene, '%P')).toBe(first);
    expect(head(scene, '%an <%ae>|%cn <%ce>|%at')).toBe(
      'Ada <ada@example.org>|Headwater <headwater@tars>|1700000001',
    );
    expect(head(scene, '%B')).toBe(
      'Slow down\n\nHeadwater-Allow-Removal: 99\n\nReviewed-by: Bob\nHeadwater-Request-Id: req-1',
    );
    expect(head(scene, '%(trailers:key=Headwater-Allow-Removal)')).toBe('');
    expect(scene.made.git('fsck', '--strict')).toBe('');
  });

  test('changes its own line of the file', async () => {
    await using scene = await openEditScene();
    await scene.editor.commit(scene.request(base, { fps: 30, name: 'back' }));
    expect(await scene.read(base)).toBe('{\n    "fps": 30.0,\n    "name": "back"\n}\n');
  });

  test('writes a new overlay as the base beside it, and removes it again', async () => {
    await using scene = await openEditScene();
    const made = await scene.editor.commit(scene.request(prod, { log: { level: 'warn' } }));
    expect(made.applied).toEqual({ prod: { cam: ['/log/level'] } });
    expect(await scene.read(prod)).toBe('{\n    "log": {\n        "level": "warn"\n    }\n}\n');
    await scene.editor.commit(scene.request(prod, null));
    expect(await scene.read(prod)).toBeNull();
  });

  test('of what is like that already is no commit', async () => {
    await using scene = await openEditScene();
    const before = scene.tip();
    const outcome = await scene.editor.commit(
      scene.requestOf(
        { kind: 'json', path: base, desired: { name: 'front', fps: 30 } },
        { kind: 'json', path: prod, desired: null },
        { kind: 'bytes', path: 'notes.txt', content: null },
        { kind: 'bytes', path: 'headwater.json', content: Buffer.from(startFiles['headwater.json'] ?? '') },
      ),
    );
    expect(outcome).toMatchObject({ changed: false, merged: false, commit: before, applied: {} });
    expect(scene.tip()).toBe(before);
  });

  test('puts a file in the place of a link, even one that reads the same', async () => {
    await using other = await openEditScene({ ...startFiles, notes: { mode: '120000', content: 'text' } });
    const wanted = { kind: 'bytes', path: 'notes', content: Buffer.from('text') } as const;
    expect(await other.editor.commit(other.requestOf(wanted))).toMatchObject({ changed: true });
    expect(other.made.git('ls-tree', 'main', 'notes')).toMatch(/^100644 blob/);
    expect(await other.editor.commit(other.requestOf(wanted))).toMatchObject({ changed: false });
  });

  test('of many files is one commit', async () => {
    await using scene = await openEditScene();
    await scene.editor.commit(
      scene.requestOf(
        { kind: 'json', path: base, desired: { fps: 10 } },
        { kind: 'bytes', path: 'docs/a.md', content: Buffer.from('a') },
        { kind: 'file', path: prod, content: Buffer.from('{"fps":  12.50}') },
      ),
    );
    expect(scene.made.git('rev-list', '--count', 'main')).toBe('2');
    expect(await scene.read(prod)).toBe('{"fps":  12.50}');
  });
});

describe('an edit from an older commit', () => {
  test('is merged by settings, on neighbouring lines too', async () => {
    await using scene = await openEditScene();
    const old = scene.tip();
    await scene.commitByHand({ [base]: '{\n    "fps": 30.0,\n    "name": "side"\n}\n' });
    const outcome = await scene.editor.commit(scene.request(base, { fps: 24, name: 'front' }, old));
    expect(outcome).toMatchObject({ merged: true, changed: true });
    expect(await scene.read(base)).toBe('{\n    "fps": 24,\n    "name": "side"\n}\n');
  });

  test('is no merge when its own files are untouched', async () => {
    await using scene = await openEditScene();
    const old = scene.tip();
    await scene.commitByHand({ 'README.md': 'hello' });
    expect(await scene.editor.commit(scene.request(base, { fps: 24 }, old))).toMatchObject({ merged: false });
  });

  test('that changes the same setting is a conflict with all three values, and nothing is written', async () => {
    await using scene = await openEditScene();
    const old = scene.tip();
    const now = await scene.commitByHand({ [base]: '{ "fps": 20, "name": "front" }' });
    await expect(
      scene.editor.commit(scene.request(base, { fps: 24, name: 'back' }, old)),
    ).rejects.toMatchObject(
      fail('HW_EDIT_CONFLICT', {
        conflicts: [{ file: base, pointer: '/fps', base: 30, ours: 24, theirs: 20 }],
        head: { era: 1, seq: 2, commit: now },
      }),
    );
    expect(scene.tip()).toBe(now);
  });

  test('merges lists by the key of the schema', async () => {
    await using scene = await openEditScene({ ...startFiles, [base]: '{"list":[{"id":"a"}]}' });
    const old = scene.tip();
    await scene.commitByHand({ [base]: '{"list":[{"id":"a"},{"id":"b"}]}' });
    await scene.editor.commit(scene.request(base, { list: [{ id: 'a', x: 1 }] }, old));
    expect(await scene.read(base)).toBe('{"list":[{"id":"a","x":1},{"id":"b"}]}');
  });

  test('of a file that is gone is a conflict, unless the file was left alone', async () => {
    await using scene = await openEditScene({ ...startFiles, [prod]: '{"fps":10}' });
    const old = scene.tip();
    await scene.commitByHand({ [prod]: null });
    await expect(scene.editor.commit(scene.request(prod, { fps: 11 }, old))).rejects.toMatchObject(
      fail('HW_EDIT_CONFLICT', {
        conflicts: [{ file: prod, pointer: '', base: { fps: 10 }, ours: { fps: 11 } }],
      }),
    );
    expect(await scene.editor.commit(scene.request(prod, { fps: 10 }, old))).toMatchObject({
      changed: false,
    });
  });

  test('of a file that both made is merged', async () => {
    await using scene = await openEditScene();
    const old = scene.tip();
    await scene.commitByHand({ [prod]: '{"fps":10}' });
    await scene.editor.commit(scene.request(prod, { name: 'p' }, old));
    expect(await scene.read(prod)).toBe('{"fps":10,"name":"p"}');
  });

  test('of bytes is taken only while nobody touched them', async () => {
    await using scene = await openEditScene({ ...startFiles, notes: 'a' });
    const old = scene.tip();
    await scene.commitByHand({ notes: 'b' });
    const bytes = (text: string) => ({
      ...scene.requestOf({ kind: 'bytes', path: 'notes', content: Buffer.from(text) }),
      base: old,
    });
    await expect(scene.editor.commit(bytes('c'))).rejects.toMatchObject(
      fail('HW_EDIT_CONFLICT', { conflicts: [{ file: 'notes', pointer: '' }] }),
    );
    expect(await scene.editor.commit(bytes('b'))).toMatchObject({ changed: false });
  });

  test('of a file of a branch merges as git would, in the spelling of its author', async () => {
    await using scene = await openEditScene();
    const old = scene.tip();
    await scene.commitByHand({ [base]: '{\n    "fps": 30.0,\n    "name": "side"\n}\n' });
    const file = {
      kind: 'file',
      path: base,
      content: Buffer.from('{ "fps": 24.50, "name": "front" }'),
    } as const;
    await scene.editor.commit({ ...scene.requestOf(file), base: old });
    expect(await scene.read(base)).toBe('{\n    "fps": 24.50,\n    "name": "side"\n}\n');
  });

  test('of a broken file: replaced while it is the same, a conflict when somebody mended it', async () => {
    await using scene = await openEditScene({ ...startFiles, [prod]: '{ "fps": ' });
    const old = scene.tip();
    const request = scene.request(prod, { fps: 12 }, old);
    const mended = await scene.commitByHand({ [prod]: '{ "fps": 11 }' });
    await expect(scene.editor.commit(request)).rejects.toMatchObject(
      fail('HW_EDIT_CONFLICT', {
        conflicts: [{ file: prod, pointer: '', ours: { fps: 12 }, theirs: { fps: 11 } }],
      }),
    );
    scene.made.git('update-ref', 'refs/heads/main', old, mended);
    await using again = await openEditScene({ ...startFiles, [prod]: '{ "fps": ' });
    await again.editor.commit(again.request(prod, { fps: 12 }));
    expect(await again.read(prod)).toBe('{\n    "fps": 12\n}\n');
  });
});

describe('what is refused', () => {
  test('an edit that breaks a limit, in every environment it shows in', async () => {
    await using scene = await openEditScene();
    const before = scene.tip();
    await expect(scene.editor.commit(scene.request(base, { fps: 99 }))).rejects.toMatchObject({
      ...fail('HW_EDIT_INVALID', {
        problems: [
          expect.objectContaining({ code: 'HW_CONFIG_INVALID', file: base, pointer: '/fps', service: 'cam' }),
        ],
      }),
      message: `${base} /fps: expected a number from 1 to 60, got 99`,
    });
    expect(scene.tip()).toBe(before);
  });

  test('two edits that are valid alone and not together', async () => {
    await using scene = await openEditScene();
    const old = scene.tip();
    const schema = JSON.parse(startFiles['schemas/cam.schema.json'] ?? '');
    await scene.commitByHand({
      'schemas/cam.schema.json': JSON.stringify({
        ...schema,
        properties: { ...schema.properties, fps: { type: 'string' } },
      }),
      [base]: '{ "fps": "30", "name": "front" }',
    });
    await expect(scene.editor.commit(scene.request(prod, { fps: 20 }, old))).rejects.toMatchObject({
      code: 'HW_EDIT_INVALID',
    });
  });

  test('no edit for an error that is there already', async () => {
    await using scene = await openEditScene({ ...startFiles, [prod]: '{ "fps": 99 }' });
    const outcome = await scene.editor.commit(scene.request(base, { fps: 30, name: 'x' }));
    expect(outcome.applied).toEqual({ dev: { cam: ['/name'] } });
    expect(outcome.held).toMatchObject([{ env: 'prod', code: 'HW_CONFIG_INVALID' }]);
  });

  test('a document that no file may hold', async () => {
    await using scene = await openEditScene();
    await expect(scene.editor.commit(scene.request(base, { fps: 2 ** 60 }))).rejects.toMatchObject({
      code: 'HW_JSON_UNSAFE_INTEGER',
    });
    await expect(
      scene.editor.commit(scene.requestOf({ kind: 'bytes', path: '../x', content: Buffer.from('x') })),
    ).rejects.toMatchObject({ code: 'HW_NAME_INVALID' });
  });

  test('a base that the branch never had', async () => {
    await using scene = await openEditScene();
    const request = scene.request(base, { fps: 10 });
    await expect(scene.editor.commit({ ...request, base: '1'.repeat(40) })).rejects.toMatchObject({
      code: 'HW_EDIT_BASE',
    });
    const [other = ''] = await scene.made.build([
      { parents: [], set: { [base]: '{"name":"secret of another branch"}' } },
    ]);
    await expect(scene.editor.commit({ ...request, base: other })).rejects.toMatchObject({
      code: 'HW_EDIT_BASE',
    });
  });

  test('a file twice, a trailer of two lines', async () => {
    await using scene = await openEditScene();
    const twice = scene.requestOf(
      { kind: 'json', path: base, desired: { fps: 1 } },
      { kind: 'json', path: base, desired: { fps: 2 } },
    );
    await expect(scene.editor.commit(twice)).rejects.toMatchObject({ code: 'HW_REQUEST_INVALID' });
    const trailers = [['X', 'a\nHeadwater-Approval: b']] as const;
    await expect(scene.editor.commit({ ...scene.request(base, { fps: 1 }), trailers })).rejects.toMatchObject(
      { code: 'HW_REQUEST_INVALID' },
    );
  });

  test('a change of a protected environment, however it gets there', async () => {
    await using scene = await openEditScene(protectedFiles);
    for (const path of [base, prod, 'services/cam/config.canary.json'])
      await expect(scene.editor.commit(scene.request(path, { fps: 11 }))).rejects.toMatchObject({
        code: 'HW_PROTECTED',
      });
    await expect(scene.editor.commit(scene.request(prod, { fps: 11 }))).rejects.toMatchObject(
      fail('HW_PROTECTED', { environments: ['canary', 'prod'] }),
    );
    await scene.editor.commit(scene.request('services/cam/config.dev.json', { fps: 11 }));
  });

  test('a change of who may change what, or read secrets, while something is protected', async () => {
    await using scene = await openEditScene(protectedFiles);
    const settings = JSON.parse(protectedFiles['headwater.json'] ?? '');
    for (const change of [
      { kind: 'json', path: 'headwater.json', desired: { ...settings, protected: [] } },
      { kind: 'bytes', path: 'allowed_signers', content: Buffer.from('') },
      { kind: 'bytes', path: '.sops.yaml', content: Buffer.from('creation_rules: []\n') },
    ] as const)
      await expect(scene.editor.commit(scene.requestOf(change))).rejects.toMatchObject(
        fail('HW_PROTECTED', { environments: ['canary', 'prod'] }),
      );
    await using open = await openEditScene();
    await open.editor.commit(
      open.requestOf({ kind: 'bytes', path: '.sops.yaml', content: Buffer.from('creation_rules: []\n') }),
    );
  });

  test('but not one that is approved: for the very commit it becomes', async () => {
    await using scene = await openEditScene(protectedFiles);
    const parent = scene.tip();
    const asked: unknown[] = [];
    const { commit } = await scene.editor.commit({
      ...scene.request(prod, { fps: 11 }),
      approve(change) {
        asked.push(change);
        return ['Headwater-Approval', 'signed'];
      },
    });
    expect(asked).toEqual([{ parent, tree: scene.made.git('rev-parse', `${commit}^{tree}`) }]);
    expect(head(scene, '%(trailers:only)')).toBe('Headwater-Request-Id: req-1\nHeadwater-Approval: signed');
  });

  test('everything while the branch is refused', async () => {
    await using scene = await openEditScene();
    scene.refusal = new HeadwaterError('HW_HISTORY_REWRITTEN', { message: 'rewritten' });
    await expect(scene.editor.commit(scene.request(base, { fps: 11 }))).rejects.toBe(scene.refusal);
    await expect(scene.editor.preview(scene.request(base, { fps: 11 }))).rejects.toBe(scene.refusal);
  });
});

describe('a preview', () => {
  test('says what an edit would do, and writes nothing', async () => {
    await using scene = await openEditScene();
    const before = scene.tip();
    expect(await scene.editor.preview(scene.request(prod, { fps: 11 }))).toMatchObject({
      changes: [{ env: 'prod', service: 'cam', settings: [{ pointer: '/fps', from: 30, to: 11 }] }],
      problems: [],
      conflicts: [],
      merged: false,
      changed: true,
      protected: [],
    });
    expect(scene.tip()).toBe(before);
    expect(scene.made.git('count-objects')).toBe(scene.made.git('count-objects'));
  });

  test('lists problems, conflicts and protected environments in place of refusing', async () => {
    await using scene = await openEditScene(protectedFiles);
    const old = scene.tip();
    await scene.commitByHand({ [base]: '{ "fps": 20, "name": "front" }' });
    const preview = await scene.editor.preview({
      ...scene.requestOf(
        { kind: 'json', path: base, desired: { fps: 24, name: 'front' } },
        { kind: 'json', path: prod, desired: { fps: 99 } },
      ),
      base: old,
    });
    expect(preview.conflicts).toMatchObject([{ file: base, pointer: '/fps' }]);
    expect(preview.problems).toMatchObject([{ pointer: '/fps', file: prod }]);
    expect(preview.protected).toEqual(['canary', 'prod']);
  });
});

describe('somebody else commits', () => {
  test('between reading and writing: the edit is merged again, after a moment', async () => {
    let scene: EditScene | null = null;
    let races = 3;
    await using opened = await openEditScene(startFiles, ({ writer }) => ({
      writer: {
        async commit(request) {
          if (races-- > 0) await scene?.commitByHand({ [`other-${races}`]: String(races) });
          return writer.commit(request);
        },
      },
    }));
    scene = opened;
    const outcome = await opened.editor.commit(opened.request(base, { fps: 11, name: 'front' }));
    expect(outcome).toMatchObject({ changed: true, epoch: { seq: 5 } });
    expect(opened.waits).toEqual([0, 0.5, 1]);
    expect(opened.made.git('ls-tree', '--name-only', 'main').split('\n')).toEqual(
      expect.arrayContaining(['other-0', 'other-1', 'other-2']),
    );
  });

  test('every single time: the author hears of it after some seconds and ten tries', async () => {
    let tries = 0;
    const lost = async () => {
      tries++;
      throw new HeadwaterError('HW_REF_MOVED', { message: 'moved' });
    };
    for (const [stepMs, expected] of [
      [1_000_000, 10],
      [250, 29], // asked from the tenth try on
    ] as const) {
      let now = 0;
      await using scene = await openEditScene(startFiles, () => ({
        writer: { commit: lost },
        clock: { now: () => 0, monotonic: () => (now += stepMs) },
      }));
      tries = 0;
      await expect(scene.editor.commit(scene.request(base, { fps: 11 }))).rejects.toMatchObject({
        code: 'HW_REF_MOVED',
      });
      expect(tries).toBe(expected);
      expect(Math.max(...scene.waits)).toBeLessThanOrEqual(10);
    }
  });

  test('the same edit at the same time: it is a conflict the second time, not a lost one', async () => {
    await using scene = await openEditScene();
    const request = (fps: number) => scene.request(base, { fps, name: 'front' });
    const results = await Promise.allSettled([10, 11, 12].map((fps) => scene.editor.commit(request(fps))));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(JSON.parse((await scene.read(base)) ?? '')).toMatchObject({ fps: 10 });
  });
});

test('a commit that one environment cannot take says where it waits, and since when', async () => {
  await using scene = await openEditScene();
  const broken = await scene.commitByHand({ [prod]: '{ "fps": 99 }' });
  const outcome = await scene.editor.commit(scene.request('services/cam/config.dev.json', { fps: 11 }));
  expect(outcome.applied).toEqual({ dev: { cam: ['/fps'] } });
  expect(outcome).not.toHaveProperty('held');
  const both = await scene.editor.commit(scene.request(base, { fps: 30, name: 'x' }));
  expect(both.applied).toEqual({ dev: { cam: ['/name'] } });
  expect(both.held).toEqual([{ env: 'prod', since: broken, code: 'HW_CONFIG_INVALID' }]);
});

test('after a failed sync nothing more is acknowledged; a full disk is not that', async () => {
  let code = 'ENOSPC';
  let isFailing = true;
  const told: unknown[] = [];
  await using scene = await openEditScene(startFiles, ({ writer }) => ({
    onBroken: (error) => told.push(error.details.code),
    writer: {
      async commit(request) {
        if (isFailing) throw new HeadwaterError('HW_STORAGE_FAILED', { message: 'no', details: { code } });
        return writer.commit(request);
      },
    },
  }));
  const save = () => scene.editor.commit(scene.request(base, { fps: 11 }));
  await expect(save()).rejects.toMatchObject({ code: 'HW_STORAGE_FAILED' });
  expect(told).toEqual([]);
  code = 'EIO';
  await expect(save()).rejects.toMatchObject({ code: 'HW_STORAGE_FAILED' });
  expect(told).toEqual(['EIO']);
  isFailing = false;
  await expect(save()).rejects.toMatchObject({ code: 'HW_STORAGE_FAILED', details: { code: 'EIO' } });
});
