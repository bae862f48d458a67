import { HeadwaterError } from '@headwater/schemas/protocol';
import { describe, expect, test } from 'vitest';
import { fakeDaemon, type people, tipCommit } from '../../testing/fake-http-daemon.ts';

const base = 'c'.repeat(40);
const tagged = { 'if-match': `"${base}.0123456789abcdef"`, 'content-type': 'application/json' };

interface Call {
  readonly method?: 'PUT' | 'PATCH' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly who?: keyof typeof people;
  readonly prepare?: (state: ReturnType<typeof fakeDaemon>['state']) => void;
}

async function send(path: string, body: unknown, call: Call = {}) {
  const { app, token, state, log } = fakeDaemon();
  call.prepare?.(state);
  const answer = await app.inject({
    method: call.method ?? 'PUT',
    url: `/api/v1${path}`,
    headers: { authorization: `Bearer ${token(call.who ?? 'admin')}`, ...(call.headers ?? tagged) },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json(), asked: state.asked, log };
}

const put = (body: unknown, call?: Call) => send('/services/stt?layer=dev', body, call);
const patch = (body: unknown, type: string) =>
  send('/services/stt?layer=dev', body, { method: 'PATCH', headers: { ...tagged, 'content-type': type } });

describe('one layer of one service', () => {
  test('is replaced whole: the tag names the base, the token is the author, the answer is tagged for the next edit', async () => {
    const { status, headers, body, asked } = await put(
      { rate: 2 },
      { headers: { ...tagged, 'headwater-message': 'Slow%20it%20d%C3%B6wn', 'x-request-id': 'r-7' } },
    );
    expect(status).toBe(201);
    expect(body).toMatchObject({ commit: tipCommit, changed: true });
    expect(headers.etag).toMatch(/^"[0-9a-f]{40}\.[0-9a-f]{16}"$/);
    expect(asked).toEqual([
      {
        base,
        message: 'Slow it döwn',
        requestId: 'r-7',
        actor: { name: 'aaaaaaaaaaa1', email: 'aaaaaaaaaaa1@headwater.invalid' },
        edits: [{ service: 'stt', layer: 'dev', change: { kind: 'replace', document: { rate: 2 } } }],
      },
    ]);
  });

  test('is patched in either way, by media type', async () => {
    const merge = await patch({ rate: null }, 'application/merge-patch+json');
    expect(merge.asked).toMatchObject([
      { edits: [{ change: { kind: 'merge-patch', patch: { rate: null } } }] },
    ]);
    const ops = [{ op: 'replace', path: '/rate', value: 3 }];
    const json = await patch(ops, 'application/json-patch+json; charset=utf-8');
    expect(json.asked).toMatchObject([{ edits: [{ change: { kind: 'json-patch', ops } }] }]);
    for (const type of ['application/json', 'text/plain', 'application/json-patch'])
      expect([type, (await patch(ops, type)).status]).toEqual([type, 415]);
    const whole = await put({}, { headers: { ...tagged, 'content-type': 'application/merge-patch+json' } });
    expect(whole.status).toBe(415);
  });

  test('without a tag, or with one that is none, is not touched', async () => {
    const untagged = await put({}, { headers: { 'content-type': 'application/json' } });
    expect([untagged.status, untagged.body.code]).toEqual([428, 'HW_EDIT_UNTAGGED']);
    for (const tag of ['*', `"${base}"`, 'W/"x"', `"${base}.0123456789abcdef", "b"`]) {
      const answer = await put({}, { headers: { ...tagged, 'if-match': tag } });
      expect([tag, answer.status, answer.asked]).toEqual([tag, 412, []]);
    }
  });

  test('that changes nothing, or waits, says so by its status', async () => {
    const same = await put({}, { prepare: (state) => Object.assign(state.edit, { changed: false }) });
    expect(same.status).toBe(200);
    const held = [{ env: 'dev', since: base, code: 'HW_CONFIG_INVALID' }];
    const waiting = await put({}, { prepare: (state) => Object.assign(state.edit, { held }) });
    expect([waiting.status, waiting.body.held]).toEqual([202, held]);
  });

  test('a dry run asks and writes nothing', async () => {
    const { status, body } = await send('/services/stt?layer=dev&dryRun=true', {});
    expect([status, body]).toEqual([200, expect.objectContaining({ problems: [], reach: [] })]);
    expect((await send('/services/stt?layer=dev&dryRun=yes', {})).status).toBe(400);
  });

  test('refusals keep what people need to go on, and nothing of the request', async () => {
    const conflicts = [{ file: 'f', pointer: '/rate', base: 1, ours: 2, theirs: 3 }];
    const refusal = new HeadwaterError('HW_EDIT_CONFLICT', {
      message: 'both changed /rate',
      details: { conflicts, head: { seq: 9 }, secret: 'hidden' },
    });
    const answer = await put({ rate: 2 }, { prepare: (state) => Object.assign(state, { refusal }) });
    expect([answer.status, answer.body]).toEqual([
      409,
      expect.objectContaining({ code: 'HW_EDIT_CONFLICT', conflicts, head: { seq: 9 } }),
    ]);
    expect(JSON.stringify(answer.body)).not.toContain('hidden');
  });
});

describe('who may change what', () => {
  test('viewers and services may not', async () => {
    for (const who of ['viewer', 'service'] as const) {
      const { status, asked } = await put({}, { who });
      expect([who, status, asked]).toEqual([who, 403, []]);
    }
  });

  test('a layer that reaches beyond the token is refused, and what the token cannot see does not exist', async () => {
    const far = await send('/services/stt?layer=base', {}, { who: 'devEditor' });
    expect([far.status, far.body.code]).toEqual([403, 'HW_FORBIDDEN']);
    expect((await send('/services/stt?layer=dev', {}, { who: 'devEditor' })).status).toBe(201);
    for (const path of [
      '/services/stt?layer=prod',
      '/services/tts?layer=dev',
      '/services/none?layer=dev',
      '/services/stt?layer=none',
    ])
      expect([path, (await send(path, {}, { who: 'devEditor' })).status]).toEqual([path, 404]);
  });

  test('of many changes in one commit every one must be allowed', async () => {
    const changes = [
      { service: 'stt', layer: 'dev', config: {} },
      { service: 'tts', layer: 'dev', config: {} },
    ];
    const { status, asked } = await send('/commits', { base, changes }, { method: 'POST', who: 'devEditor' });
    expect([status, asked]).toEqual([404, []]);
  });
});

describe('many layers in one commit', () => {
  const post = (body: unknown) => send('/commits', body, { method: 'POST' });

  test('are one request of the editor', async () => {
    const changes = [
      { service: 'stt', layer: 'dev', merge: { rate: 2 } },
      { service: 'tts', layer: 'base', config: null },
      { service: 'stt', layer: 'prod', patch: [] },
    ];
    const { status, asked } = await post({ message: ' Tune ', base, changes });
    expect(status).toBe(201);
    expect(asked).toMatchObject([
      {
        message: 'Tune',
        edits: [
          { service: 'stt', layer: 'dev', change: { kind: 'merge-patch', patch: { rate: 2 } } },
          { service: 'tts', layer: 'base', change: null },
          { service: 'stt', layer: 'prod', change: { kind: 'json-patch', ops: [] } },
        ],
      },
    ]);
  });

  test.each([
    [[], 'the body is'],
    [{ base, changes: [] }, '1 to 10000 layers'],
    [{ base: 'main', changes: [{ service: 'stt', layer: 'dev', config: {} }] }, 'whole id of the commit'],
    [{ base, changes: [{ service: 'stt', layer: 'dev' }] }, 'one of "config"'],
    [{ base, changes: [{ service: 'stt', layer: 'dev', config: {}, merge: {} }] }, 'one of "config"'],
    [{ base, changes: [{ service: 'stt', layer: 'dev', config: 1 }] }, 'one of "config"'],
    [{ base, changes: [{ service: 'stt', layer: 'dev', config: {} }], force: true }, 'other than'],
    [{ base, message: 5, changes: [{ service: 'stt', layer: 'dev', config: {} }] }, '"message" is a text'],
    [
      { base, changes: ['config', 'merge'].map((kind) => ({ service: 'stt', layer: 'dev', [kind]: {} })) },
      'occurs twice',
    ],
  ])('%j is refused', async (body, reason) => {
    const answer = await post(body);
    expect([answer.status, answer.asked]).toEqual([400, []]);
    expect(answer.body.detail).toContain(reason);
  });
});
