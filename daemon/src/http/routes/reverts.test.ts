import { describe, expect, test } from 'vitest';
import { openApiScene, sttBase, sttProd, ttsBase } from '../../testing/api-scene.ts';

const stt = (config: object) => ({ [sttBase]: config });

describe('a commit', () => {
  test('is undone by a new one; what came later and touches other settings stays', async () => {
    await using api = await openApiScene();
    const bad = await api.commit(stt({ rate: 50, model: 'large' }));
    await api.commit(stt({ rate: 50, model: 'large', deep: { x: 1 } }));
    const dry = await api.ask('POST', '/reverts?dryRun=true', { commit: bad.slice(0, 9) });
    expect(dry.body.changes).toMatchObject([
      {
        env: 'dev',
        service: 'stt',
        settings: [{ pointer: '/model' }, { pointer: '/rate', from: 50, to: 5 }],
      },
      { env: 'prod', settings: [{ pointer: '/model', from: 'large', to: 'small', apply: 'restart' }] },
    ]);
    const { status, body } = await api.ask('POST', '/reverts', { commit: bad });
    expect([status, body.merged]).toEqual([201, true]);
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'small', deep: { x: 1 } });
    const told = await api.ask('GET', `/epochs/${body.commit}`);
    expect(told.body).toMatchObject({ subject: 'Revert "by hand"', reverts: bad });
    expect(told.body.author.name).toBe('aaaaaaaaaaa1');
    expect((await api.ask('POST', '/reverts', { commit: bad })).status).toBe(200);
  });

  test('whose settings were changed again is a conflict that shows both, and changes nothing', async () => {
    await using api = await openApiScene();
    const bad = await api.commit(stt({ rate: 50, model: 'small' }));
    const tip = await api.commit(stt({ rate: 60, model: 'small' }));
    const { status, body } = await api.ask('POST', '/reverts', { commit: bad });
    expect([status, body.conflicts]).toEqual([
      409,
      [{ file: sttBase, pointer: '/rate', base: 50, ours: 5, theirs: 60 }],
    ]);
    expect(body.head.commit).toBe(tip);
    expect(api.edits.tip()).toBe(tip);
  });

  test('that added, removed and changed files is undone as a whole', async () => {
    await using api = await openApiScene();
    const bad = await api.commit({
      ...{ [sttProd]: null, [ttsBase]: { rate: 3 } },
      'schemas/new.schema.json': { type: 'object' },
      'services/new/config.json': {},
    });
    expect((await api.ask('POST', '/reverts', { commit: bad, message: 'Back' })).status).toBe(201);
    expect(await api.json(sttProd)).toEqual({ rate: 9 });
    expect(await api.json(ttsBase)).toEqual({ rate: 2 });
    expect(await api.json('services/new/config.json')).toBeNull();
    const { subject, reverts } = (await api.ask('GET', '/epochs?limit=1')).body.epochs[0];
    expect([subject, reverts]).toEqual(['Back', bad]);
  });

  test('whose undoing is not valid any more is refused with the reason', async () => {
    await using api = await openApiScene();
    const set = await api.commit({ [ttsBase]: {} });
    await api.commit({ 'schemas/tts.schema.json': { type: 'object', additionalProperties: false } });
    const { status, body } = await api.ask('POST', '/reverts', { commit: set });
    expect([status, body.code, body.problems[0].pointer]).toEqual([422, 'HW_EDIT_INVALID', '/rate']);
  });
});

describe('one setting', () => {
  const back = { service: 'stt', pointer: '/rate', layer: 'base' };

  test('goes back to the value before its last change, whatever else changed in the file', async () => {
    await using api = await openApiScene();
    await api.commit(stt({ rate: 50, model: 'small' }));
    await api.commit(stt({ rate: 50, model: 'large' }));
    const { status, body } = await api.ask('POST', '/reverts', { ...back, pointer: 'rate' });
    expect([status, body.applied]).toEqual([201, { dev: { stt: ['/rate'] } }]);
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'large' });
  });

  test('goes back to a commit or a time, and away where it was not set', async () => {
    await using api = await openApiScene();
    const first = api.edits.tip();
    await api.commit(stt({ rate: 50, model: 'small', deep: { x: 1 } }));
    await api.ask('POST', '/reverts', { ...back, to: first });
    await api.ask('POST', '/reverts', { ...back, pointer: '/deep/x', to: first });
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'small' });
    const before = await api.ask('POST', '/reverts', { ...back, to: '2001-01-01T00:00:00Z' });
    expect([before.status, before.body.code]).toEqual([404, 'HW_NOT_FOUND']);
    const never = await api.ask('POST', '/reverts', { ...back, pointer: '/list' });
    expect([never.status, never.body.code]).toEqual([404, 'HW_NOT_FOUND']);
  });
});

describe('a service', () => {
  test('goes back as a whole, or one layer of it, and others stay', async () => {
    await using api = await openApiScene();
    const first = api.edits.tip();
    await api.commit({ ...stt({ rate: 50 }), [sttProd]: null, [ttsBase]: { rate: 7 } });
    const layer = await api.ask('POST', '/reverts', { service: 'stt', env: 'prod', to: first.slice(0, 8) });
    expect([layer.status, await api.json(sttProd), await api.json(sttBase)]).toEqual([
      201,
      { rate: 9 },
      { rate: 50 },
    ]);
    expect((await api.ask('POST', '/reverts', { service: 'stt', to: first })).status).toBe(201);
    expect(await api.json(sttBase)).toEqual({ rate: 5, model: 'small' });
    expect(await api.json(ttsBase)).toEqual({ rate: 7 });
  });

  test('that was removed comes back, and one that never was is not found', async () => {
    await using api = await openApiScene();
    const first = api.edits.tip();
    await api.commit({ [ttsBase]: null, 'schemas/tts.schema.json': null });
    expect((await api.ask('POST', '/reverts', { service: 'tts', to: first })).status).toBe(201);
    expect((await api.ask('GET', '/epochs?limit=1')).body.epochs[0].services).toEqual(['tts']);
    expect(await api.json(ttsBase)).toEqual({ rate: 2 });
    const none = await api.ask('POST', '/reverts', { service: 'none', to: first });
    expect([none.status, none.body.code]).toEqual([404, 'HW_NOT_FOUND']);
  });

  test('keeps its secrets and their readers as they are now', async () => {
    await using api = await openApiScene();
    const readers = 'services/speech/stt/recipients.txt';
    const old = await api.commit({ [readers]: '# nobody\n', ...stt({ rate: 6 }) });
    await api.commit({ [readers]: '# nobody at all\n', ...stt({ rate: 7 }) });
    await api.ask('POST', '/reverts', { service: 'stt', to: old });
    expect(await api.json(sttBase)).toEqual({ rate: 6 });
    expect(await api.edits.read(readers)).toBe('# nobody at all\n');
  });
});

test('everything goes back to a commit: changed, added and removed services', async () => {
  await using api = await openApiScene();
  const first = api.edits.tip();
  await api.commit({ ...stt({ rate: 50 }), [ttsBase]: null, 'schemas/tts.schema.json': null });
  await api.commit({ 'schemas/new.schema.json': { type: 'object' }, 'services/new/config.json': {} });
  await api.commit({
    'headwater.json': '{"headwater":1,"deployment":"tars","environments":["dev","prod","x"]}',
  });
  const { status } = await api.ask('POST', '/reverts', { to: first });
  expect(status).toBe(201);
  expect([
    await api.json(sttBase),
    await api.json(ttsBase),
    await api.json('services/new/config.json'),
  ]).toEqual([{ rate: 5, model: 'small' }, { rate: 2 }, null]);
  expect(await api.json('headwater.json')).toMatchObject({ environments: ['dev', 'prod', 'x'] });
});

describe('who may undo what', () => {
  test('a commit beyond the caller is not found or forbidden, and nothing of it is told', async () => {
    await using api = await openApiScene();
    const unseen = await api.commit({ [ttsBase]: { rate: 3 } });
    const both = await api.commit({
      'services/speech/stt/config.dev.json': { rate: 8 },
      [ttsBase]: { rate: 4 },
    });
    await api.commit({ [ttsBase]: { rate: 0.7654321 } });
    const own = await api.commit({ 'services/speech/stt/config.dev.json': { rate: 9 } });
    const tip = api.edits.tip();
    for (const [wanted, status] of [
      [{ commit: unseen }, 404],
      [{ service: 'tts', to: unseen }, 404],
      [{ service: 'tts', pointer: '/rate', layer: 'base' }, 404],
      [{ commit: both }, 403],
      [{ to: both }, 403],
      [{ service: 'stt', pointer: '/rate', layer: 'prod' }, 404],
    ] as const) {
      const answer = await api.ask('POST', '/reverts', wanted, 'devEditor');
      expect([wanted, answer.status]).toEqual([wanted, status]);
      expect(JSON.stringify(answer.body)).not.toMatch(/tts|0\.7654321/);
    }
    expect(api.edits.tip()).toBe(tip);
    expect((await api.ask('POST', '/reverts', { commit: own }, 'devEditor')).status).toBe(201);
  });

  test('viewers may not', async () => {
    await using api = await openApiScene();
    expect((await api.ask('POST', '/reverts', { to: api.edits.tip() }, 'viewer')).status).toBe(403);
  });

  test('whoever undoes the removal of a reader lets somebody read secrets: that takes an admin', async () => {
    await using api = await openApiScene();
    const readers = 'services/speech/stt/recipients.dev.txt';
    await api.commit({ [readers]: '# one\n' });
    const removed = await api.commit({ [readers]: null });
    const refused = await api.ask('POST', '/reverts', { commit: removed }, 'devEditor');
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('read secrets')]);
    expect((await api.ask('POST', '/reverts', { commit: removed })).status).toBe(201);
  });
});

test.each([
  [[]],
  [{}],
  [{ commit: 'abcd', to: 'abcd' }],
  [{ service: 'stt' }],
  [{ service: '../x', to: 'abcd' }],
  [{ service: 'stt', pointer: '/a~x', layer: 'base' }],
  [{ service: 'stt', pointer: '/rate' }],
  [{ service: 'stt', layer: 'base', env: 'dev', to: 'abcd' }],
  [{ to: 5 }],
])('%j is refused', async (body) => {
  await using api = await openApiScene();
  expect((await api.ask('POST', '/reverts', body)).status).toBe(400);
});
