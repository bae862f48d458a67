import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resolveOptions } from './resolve-options.ts';
import { MessageMaker } from './testing/message-maker.ts';

const maker = new MessageMaker({ deployment: 'tars', env: 'prod', service: 'stt-worker' });
const fields = {
  deployment: 'tars',
  env: 'prod',
  service: 'stt-worker',
  broker: 'mqtt://127.0.0.1:7071',
  token: 'hw_secret',
  trust: maker.trust,
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-options-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const resolveWith = (options: object) =>
  resolveOptions({ environment: {}, ...options } as Parameters<typeof resolveOptions>[0]);
function refusal(run: () => unknown): HeadwaterError {
  try {
    run();
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
function connectionFile(content: object, mode = 0o600): string {
  const path = join(folder, 'stt-worker.prod.connection.json');
  writeFileSync(path, JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

test('an option wins over a variable, a variable over the connection file', () => {
  const connection = connectionFile({ ...fields, env: 'dev', instance: 'file' });
  const environment = { HEADWATER_ENV: 'prod', HEADWATER_INSTANCE: 'variable' };
  expect(resolveWith({ connection, environment, instance: 'option' })).toMatchObject({
    target: { env: 'prod' },
    instance: 'option',
    firstConfigTimeoutMs: 10_000,
    onStart: 'fail',
    prefix: 'headwater/tars',
  });
});

test('everything can come from variables', () => {
  const environment = {
    HEADWATER_DEPLOYMENT: 'tars',
    HEADWATER_ENV: 'prod',
    HEADWATER_SERVICE: 'stt-worker',
    HEADWATER_BROKER: 'mqtts://broker.example:8883',
    HEADWATER_TOKEN: 'hw_secret',
    HEADWATER_TRUST: maker.trust.join(','),
    HEADWATER_CACHE_DIR: folder,
    XDG_STATE_HOME: '/var/lib/robot',
  };
  const resolved = resolveWith({ environment });
  expect(resolved).toMatchObject({
    cacheDir: folder,
    stateDir: '/var/lib/robot/headwater',
    trust: maker.trust,
  });
  expect(resolved.instance).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]*-[a-z0-9]{4}$/);
});

test.runIf(process.platform !== 'win32')(
  'a connection file that others may read is refused, and says how to fix it',
  () => {
    for (const mode of [0o640, 0o604, 0o622]) {
      const path = connectionFile(fields, mode);
      const error = refusal(() => resolveWith({ connection: path }));
      expect(error.code).toBe('HW_CONNECTION_FILE');
      expect(error.hint).toBe(`Run: chmod 600 ${path}`);
      expect(`${error.message}${error.hint}`).not.toContain('hw_secret');
    }
  },
);

test('a mistyped field or option is refused with the one that was meant', () => {
  expect(refusal(() => resolveWith({ connection: connectionFile({ ...fields, brokr: 'x' }) }))).toMatchObject(
    {
      code: 'HW_CONNECTION_FILE',
      hint: 'Did you mean "broker"?',
    },
  );
  expect(refusal(() => resolveWith({ ...fields, firstConfigTimeout: 1 }))).toMatchObject({
    code: 'HW_OPTIONS_INVALID',
    hint: 'Did you mean "firstConfigTimeoutMs"?',
  });
});

test('without a trusted root nothing is trusted', () => {
  expect(refusal(() => resolveWith({ ...fields, trust: [] })).code).toBe('HW_NO_TRUST');
  expect(refusal(() => resolveWith({ ...fields, trust: ['0'.repeat(64)] })).code).toBe('HW_KEY_INVALID');
});

test.each([
  [{ broker: 'http://127.0.0.1' }, 'HW_OPTIONS_INVALID'],
  [{ broker: 'mqtt://user:word@127.0.0.1' }, 'HW_OPTIONS_INVALID'],
  [{ env: '../prod' }, 'HW_NAME_INVALID'],
  [{ env: 'all' }, 'HW_NAME_RESERVED'],
  [{ instance: 'a.b' }, 'HW_OPTIONS_INVALID'],
  [{ token: '' }, 'HW_OPTIONS_INVALID'],
  [{ onStart: 'defaults' }, 'HW_OPTIONS_INVALID'],
  [{ firstConfigTimeoutMs: -1 }, 'HW_OPTIONS_INVALID'],
  [{ connection: '/nowhere/at/all.json' }, 'HW_CONNECTION_FILE'],
])('%j is refused', (more, code) => {
  expect(refusal(() => resolveWith({ ...fields, ...more })).code).toBe(code);
});

test('a schema of another service is refused', () => {
  const schema = { service: 'camera', digest: `sha256:${'0'.repeat(64)}`, document: {}, defaults: {} };
  expect(refusal(() => resolveWith({ ...fields, schema })).message).toMatch(/"camera".*"stt-worker"/);
});
