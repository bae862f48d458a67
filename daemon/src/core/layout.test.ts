import { describe, expect, test } from 'vitest';
import { classifyPath } from './layout.ts';

describe('paths with a meaning', () => {
  test.each([
    ['headwater.json', { kind: 'settings' }],
    ['allowed_signers', { kind: 'allowed-signers' }],
    ['.sops.yaml', { kind: 'sops-rules' }],
    ['schemas/stt-worker.schema.json', { kind: 'schema', service: 'stt-worker' }],
    ['services/stt/config.json', { kind: 'base', service: 'stt', folder: 'services/stt' }],
    [
      'services/speech/en/stt/config.json',
      { kind: 'base', service: 'stt', folder: 'services/speech/en/stt' },
    ],
    [
      'services/stt/config.prod.json',
      { kind: 'overlay', service: 'stt', folder: 'services/stt', env: 'prod' },
    ],
    ['services/stt/secrets.json', { kind: 'secrets', service: 'stt', folder: 'services/stt', env: null }],
    [
      'services/stt/secrets.prod.json',
      { kind: 'secrets', service: 'stt', folder: 'services/stt', env: 'prod' },
    ],
    [
      'services/stt/recipients.txt',
      { kind: 'recipients', service: 'stt', folder: 'services/stt', env: null },
    ],
    [
      'services/stt/recipients.dev.txt',
      { kind: 'recipients', service: 'stt', folder: 'services/stt', env: 'dev' },
    ],
    ['services/shared.json', { kind: 'shared', folder: 'services', env: null }],
    ['services/speech/shared.prod.json', { kind: 'shared', folder: 'services/speech', env: 'prod' }],
    ['presets/night-mode.json', { kind: 'preset', preset: 'night-mode' }],
  ])('%s', (path, role) => expect(classifyPath(path)).toEqual(role));
});

test.each([
  'README.md',
  'services/stt/README.md',
  'services/NOTES.MD',
  'services/stt/.gitkeep',
  '.github/workflows/ci.yml',
  'services/.idea/x.json',
  'LICENSE',
  'scripts/deploy.sh',
])('%s is nobody’s config', (path) => expect(classifyPath(path)).toEqual({ kind: 'other' }));

describe('names that may not be there', () => {
  test.each([
    ['services/stt/config.Prod.json', 'HW_NAME_INVALID', 'Rename it to "config.prod.json".'],
    ['services/stt/Config.json', 'HW_FILE_UNEXPECTED', 'Did you mean "config.json"?'],
    ['services/stt/confg.json', 'HW_FILE_UNEXPECTED', 'Did you mean "config.json"?'],
    ['services/stt/secrets.txt', 'HW_FILE_UNEXPECTED', ''],
    ['services/stt/config.prod.eu.json', 'HW_NAME_INVALID', ''],
    ['services/stt/config.base.json', 'HW_NAME_RESERVED', ''],
    ['services/config.json', 'HW_FILE_UNEXPECTED', ''],
    ['services/STT/config.json', 'HW_NAME_INVALID', 'Rename it to "stt".'],
    ['services/all/config.json', 'HW_NAME_RESERVED', ''],
    ['services/1st/config.json', 'HW_NAME_INVALID', ''],
    [`services/${'a'.repeat(64)}/config.json`, 'HW_NAME_INVALID', ''],
    [`services/${'g/'.repeat(17)}x/config.json`, 'HW_FILE_UNEXPECTED', ''],
    ['services/__proto__/config.json', 'HW_NAME_INVALID', ''],
    ['services/constructor.prototype/config.json', 'HW_NAME_INVALID', ''],
    ['services/../etc/config.json', 'HW_NAME_INVALID', ''],
    ['services/.GIT/config', 'HW_NAME_INVALID', ''],
    ['services/git~1/config.json', 'HW_NAME_INVALID', ''],
    ['services/.g\u200cit/config', 'HW_NAME_INVALID', ''],
    ['services/st\ufffdt/config.json', 'HW_NAME_INVALID', ''],
    ['services/stt\n/config.json', 'HW_NAME_INVALID', ''],
    ['services/stt\\x/config.json', 'HW_NAME_INVALID', ''],
    ['services//config.json', 'HW_NAME_INVALID', ''],
    ['services/cafe\u0301/config.json', 'HW_NAME_INVALID', ''],
    ['services', 'HW_FILE_UNEXPECTED', ''],
    ['schemas/Router.schema.json', 'HW_NAME_INVALID', ''],
    ['schemas/router.json', 'HW_FILE_UNEXPECTED', ''],
    ['schemas/speech/stt.schema.json', 'HW_FILE_UNEXPECTED', ''],
    ['presets/Night.json', 'HW_NAME_INVALID', ''],
    ['Services/stt/config.json', 'HW_NAME_INVALID', 'Rename it to "services".'],
    ['Headwater.json', 'HW_NAME_INVALID', ''],
  ])('%j', (path, code, hint) => {
    expect(classifyPath(path)).toMatchObject({
      kind: 'bad',
      severity: 'error',
      code,
      hint: expect.stringContaining(hint),
    });
  });
});

test('a stray file that nobody can have meant as config is only a warning', () => {
  expect(classifyPath('services/stt/notes.txt')).toMatchObject({ kind: 'bad', severity: 'warning' });
  expect(classifyPath('services/OWNERS')).toMatchObject({ kind: 'bad', severity: 'warning' });
});

test('a misnamed file of a service is told to that service alone', () => {
  expect(classifyPath('services/speech/stt/config.Prod.json')).toMatchObject({ service: 'stt' });
  expect(classifyPath('services/speech/shard.json')).not.toHaveProperty('service');
});

test('a message never carries raw control characters of a name', () => {
  const role = classifyPath('services/a\nb\u001b[31m/config.json');
  expect(role.kind === 'bad' ? role.message : '').not.toMatch(/\p{Cc}/u);
});
