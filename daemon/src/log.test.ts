import { HeadwaterError } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import { createLog, type Log, type LogFormat } from './log.ts';

const canary = 'C4nary'.repeat(8).slice(0, 43);
const token = `hw_abcdefghij12_${canary}`;
const ageKey = `AGE-SECRET-KEY-1${'QQQQ'.repeat(14)}CANARY`;

function record(format: LogFormat, say: (log: Log) => void): string {
  const lines: string[] = [];
  say(createLog({ stream: { write: (line) => lines.push(line) }, format, level: 'debug' }));
  return lines.join('');
}

test.each(['json', 'text'] as const)('no secret passes the %s log, wherever it hides', (format) => {
  const out = record(format, (log) => {
    log.info({ token, nested: [{ password: 'CANARY-1', apiKey: 'CANARY-2' }] }, 'with fields');
    log.info({ note: `the token is ${token}, the key ${ageKey}` }, `message ${token}`);
    log.info(
      { [token]: 1, url: 'https://user:CANARY-3@git.example/x.git', header: 'Bearer CANARY-4-CANARY' },
      'odd places',
    );
    log.error({ err: new Error(`cannot use ${ageKey}`, { cause: new Error(token) }) }, 'failed');
    log.error(
      { err: new HeadwaterError('HW_INTERNAL', { message: token, hint: token, details: { token } }) },
      'failed',
    );
    log.child({ secret: 'CANARY-5', text: token }).warn('bound');
    log.info(
      {
        signing: { seed: Buffer.from('CANARY-6') },
        raw: Buffer.from('CANARY-7'),
        bytes: new Uint8Array([67, 65, 78]),
      },
      'bytes',
    );
    log.info({ pem: '-----BEGIN PRIVATE KEY-----\nCANARY-8\n-----END PRIVATE KEY-----' }, 'pem');
    log.info(`only ${ageKey} a message`);
  });
  expect(out).not.toMatch(/canary/i);
  expect(out).not.toContain('67,65,78');
  expect(out).not.toContain(JSON.stringify([...Buffer.from('CANARY-6')]).slice(1, -1));
  expect(out).toContain('hw_abcdefghij12_[redacted]');
});

test('facts about secrets that are no secrets stay readable', () => {
  const out = record('json', (log) =>
    log.info(
      { tokenId: 'abcdefghij12', hasPassword: true, adminTokenFile: '/data/admin-token', password: null },
      'facts',
    ),
  );
  expect(JSON.parse(out)).toMatchObject({
    tokenId: 'abcdefghij12',
    hasPassword: true,
    adminTokenFile: '/data/admin-token',
    password: null,
  });
});

test('a JSON line has time, level, constant message and fields', () => {
  const out = record('json', (log) =>
    log.child({ env: 'dev' }).warn({ service: 'stt', code: 'HW_ROLLBACK' }, 'message refused'),
  );
  expect(JSON.parse(out)).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    level: 'warn',
    msg: 'message refused',
    env: 'dev',
    service: 'stt',
    code: 'HW_ROLLBACK',
  });
});

test('a text line is calm for news and loud for warnings', () => {
  const epoch = { era: 1, seq: 42, commit: '9f3c2e1aa'.padEnd(40, '0') };
  const out = record('text', (log) => {
    log.info({ service: 'stt', env: 'dev', epoch }, 'config published');
    log.warn(
      { err: new HeadwaterError('HW_NEVER_VALID', { message: 'dev was never valid', hint: 'Fix it.' }) },
      'environment held',
    );
  });
  const [first, ...rest] = out.trimEnd().split('\n');
  expect(first).toMatch(/^\d\d:\d\d:\d\d config published service=stt env=dev epoch="#42 · 9f3c2e1"$/);
  expect(rest).toEqual([
    expect.stringMatching(/^\d\d:\d\d:\d\d WARN {2}environment held \(HW_NEVER_VALID\)$/),
    '         dev was never valid',
    '         → Fix it.',
  ]);
});

test('data can neither start a line of its own nor steer the terminal', () => {
  const out = record('text', (log) =>
    log.info({ name: 'a\n12:00:00 forged', 'k\n': '\u001b[2J\u009b2J\u202e' }, 'm\r\nforged'),
  );
  expect(out.trimEnd().split('\n')).toHaveLength(1);
  expect(out.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test('a terminal gets text, anything else JSON, and the level filters', () => {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  createLog({ stream: { write, isTTY: true } }).info('seen');
  createLog({ stream: { write } }).info('seen');
  createLog({ stream: { write }, level: 'error' }).warn('not seen');
  expect(lines).toEqual([expect.stringMatching(/ seen\n$/), expect.stringMatching(/^\{.*"seen".*\}\n$/)]);
});
