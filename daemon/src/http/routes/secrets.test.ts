import { HeadwaterError } from '@headwater/schemas/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { SecretsChangeRequest, SecretsDesk } from '../../editing/secrets-desk.ts';
import { type FakeDaemon, fakeDaemon, people, tipCommit } from '../../testing/fake-http-daemon.ts';

const canary = 'sk-canary-9Lm3';
const url = '/api/v1/services/stt/secrets?env=dev&pointer=/api_key';

let fake: FakeDaemon;
let asked: SecretsChangeRequest[];
let refusal: HeadwaterError | null;
let held: boolean;
beforeEach(() => {
  [asked, refusal, held] = [[], null, false];
  const epoch = { era: 1, seq: 8, commit: tipCommit };
  const secrets: SecretsDesk = {
    async change(request) {
      asked.push(request);
      if (refusal) throw refusal;
      const waits = held ? { held: [{ env: 'dev', since: tipCommit, code: 'HW_CONFIG_INVALID' }] } : {};
      return {
        epoch,
        commit: tipCommit,
        changed: true,
        applied: {},
        merged: false,
        file: 'services/stt/secrets.dev.json',
        ...waits,
      };
    },
    async reveal() {
      return { value: canary, layer: 'dev' };
    },
  };
  fake = fakeDaemon([], undefined, { secrets });
});

type Who = Parameters<FakeDaemon['token']>[0];
const send = (
  method: 'PUT' | 'DELETE' | 'POST',
  target: string,
  body?: unknown,
  who: Who = 'admin',
  more = {},
) =>
  fake.app.inject({
    method,
    url: target,
    headers: {
      authorization: `Bearer ${fake.token(who)}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...more,
    },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const said = () => JSON.stringify([fake.log, fake.state.audit.entries]);

test('a value is set and never said again: not in the answer, the log or the audit', async () => {
  const answer = await send('PUT', url, { value: canary }, 'devEditor', { 'x-request-id': 'r-1' });
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toMatchObject({ commit: tipCommit, file: 'services/stt/secrets.dev.json' });
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(asked).toMatchObject([
    {
      ...{ service: 'stt', layer: 'dev', requestId: 'r-1', message: 'Set secret /api_key of stt in dev' },
      values: new Map([['/api_key', canary]]),
      actor: { email: `${people.devEditor.id}@headwater.invalid` },
    },
  ]);
  expect(asked[0]).not.toHaveProperty('base');
  expect(fake.state.audit.entries).toEqual([
    {
      action: 'secret-set',
      actor: { kind: 'token', id: people.devEditor.id, name: people.devEditor.name },
      requestId: 'r-1',
      ...{ env: 'dev', service: 'stt', pointer: '/api_key', commit: tipCommit },
      epoch: { era: 1, seq: 8, commit: tipCommit },
    },
  ]);
  expect(answer.body + said()).not.toContain(canary);
});

test('removing, a message of your own, what you looked at, and what waits', async () => {
  held = true;
  const etag = `"${'c1'.repeat(20)}.0123456789abcdef"`;
  const answer = await send('DELETE', url, undefined, 'admin', {
    'headwater-message': 'Gone%20for%20good',
    'if-match': etag,
  });
  expect(answer.statusCode).toBe(202);
  expect(asked).toMatchObject([
    { values: new Map([['/api_key', null]]), message: 'Gone for good', base: 'c1'.repeat(20) },
  ]);
  expect(fake.state.audit.entries).toMatchObject([{ action: 'secret-remove', pointer: '/api_key' }]);
});

test('whoever changes a layer must reach everything that it reaches', async () => {
  const of = async (who: Who, env: string, service = 'stt') =>
    (
      await send(
        'PUT',
        `/api/v1/services/${service}/secrets?env=${env}&pointer=api_key`,
        { value: canary },
        who,
      )
    ).statusCode;
  expect(await of('viewer', 'dev')).toBe(403);
  expect(await of('service', 'dev')).toBe(403);
  expect(await of('devEditor', 'dev')).toBe(201);
  expect(await of('devEditor', 'prod')).toBe(404);
  expect(await of('devEditor', 'base')).toBe(403);
  expect(await of('devEditor', 'dev', 'tts')).toBe(404);
  expect(await of('admin', 'base')).toBe(201);
});

describe('a request that is wrong is not repeated in the answer', () => {
  test.each([
    ['no JSON', `{"value": "${canary}`],
    ['JSON with something behind it', `{"value": "${canary}"} x`],
    ['the value as a key', `{"${canary}": "value"}`],
    ['a key twice', `{"${canary}": 1, "${canary}": 2}`],
    ['the value alone', JSON.stringify(canary)],
    ['a number', '{"value": 12345678901234567890}'],
    ['more than a value', `{"value": "${canary}", "x": 1}`],
    ['an empty value', '{"value": ""}'],
    ['a prototype', `{"__proto__": "${canary}"}`],
    ['no body', ''],
  ])('%s', async (_, body) => {
    const answer = await send('PUT', url, body);
    expect(answer.statusCode).toBe(400);
    expect(answer.body + said()).not.toContain(canary);
    expect(answer.body).not.toContain('1234567890');
    expect(asked).toEqual([]);
  });

  test('nor what is no pointer, and another type of body', async () => {
    for (const pointer of ['', '/', '/a//b', '/a~2'])
      expect(
        (await send('PUT', `/api/v1/services/stt/secrets?env=dev&pointer=${pointer}`, { value: 'x' }))
          .statusCode,
      ).toBe(400);
    const plain = await send('PUT', url, canary, 'admin', { 'content-type': 'text/plain' });
    expect([plain.statusCode, plain.json().code]).toEqual([415, 'HW_MEDIA_TYPE']);
    expect(plain.body + said()).not.toContain(canary);
  });

  test('what the desk refuses comes with its own words', async () => {
    refusal = new HeadwaterError('HW_EDIT_INVALID', {
      message: 'no',
      details: { problems: [{ code: 'HW_SECRET_INVALID' }] },
    });
    const answer = await send('PUT', url, { value: canary });
    expect([answer.statusCode, answer.json().problems]).toEqual([422, [{ code: 'HW_SECRET_INVALID' }]]);
    expect(fake.state.audit.entries).toEqual([]);
    expect(answer.body + said()).not.toContain(canary);
  });
});

describe('a value is revealed', () => {
  const reveal = (body: unknown, who: Who = 'admin', env = 'dev') =>
    send('POST', `/api/v1/services/stt/secrets/reveal?env=${env}&pointer=/api_key`, body, who);
  const why = { justification: 'The account moves to another provider' };

  test('to an admin who says why, and who stands on record before it is opened', async () => {
    const answer = await reveal(why);
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { env: 'dev', service: 'stt', pointer: '/api_key', value: canary, layer: 'dev' },
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(fake.state.audit.entries).toMatchObject([
      {
        action: 'secret-reveal',
        actor: { id: people.admin.id },
        env: 'dev',
        service: 'stt',
        reason: why.justification,
      },
    ]);
    expect(said()).not.toContain(canary);
  });

  test('to nobody when that cannot be recorded', async () => {
    fake.state.audit.isBroken = true;
    const answer = await reveal(why);
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'HW_AUDIT_FAILED']);
    expect(answer.body).not.toContain(canary);
  });

  test('to nobody else, not without a reason, and not from a layer of its own', async () => {
    expect((await reveal(why, 'devEditor')).statusCode).toBe(403);
    expect((await reveal(why, 'devAdmin', 'prod')).statusCode).toBe(404);
    for (const body of [
      {},
      { justification: 'why not' },
      { justification: 'x'.repeat(301) },
      { ...why, x: 1 },
      undefined,
    ])
      expect((await reveal(body)).statusCode).toBe(400);
    expect((await reveal(why, 'admin', 'base')).statusCode).toBe(400);
    expect(fake.state.audit.entries).toEqual([]);
  });
});
