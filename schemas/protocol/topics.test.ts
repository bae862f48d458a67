import { describe, expect, test } from 'vitest';
import {
  clientIdOf,
  defaultPrefix,
  epochTopic,
  healthTopic,
  keysTopic,
  parseClientId,
  parseTopic,
  receiptTopic,
  serviceTopics,
} from './topics.ts';

const prefix = defaultPrefix('tars');

describe('every topic that is formatted is understood', () => {
  const topics = serviceTopics(prefix, 'prod', 'stt-worker');
  const target = { env: 'prod', service: 'stt-worker' };
  test.each([
    [keysTopic(prefix), 'headwater/tars/keys', { kind: 'keys' }],
    [epochTopic(prefix, 'prod'), 'headwater/tars/prod/epoch', { kind: 'epoch', env: 'prod' }],
    [topics.snapshot, 'headwater/tars/prod/services/stt-worker/snapshot', { kind: 'snapshot', ...target }],
    [topics.diff, 'headwater/tars/prod/services/stt-worker/diff', { kind: 'diff', ...target }],
    [topics.schema, 'headwater/tars/prod/services/stt-worker/schema', { kind: 'schema', ...target }],
    [
      receiptTopic(prefix, 'prod', 'stt-worker', 'prod.stt-worker.host-1'),
      'headwater/tars/prod/services/stt-worker/clients/prod.stt-worker.host-1',
      { kind: 'receipt', ...target, clientId: 'prod.stt-worker.host-1' },
    ],
    [healthTopic(prefix, 'd1'), 'headwater/tars/daemons/d1/health', { kind: 'health', daemonId: 'd1' }],
  ])('%s', (topic, text, meaning) => {
    expect(topic).toBe(text);
    expect(parseTopic(prefix, topic)).toEqual(meaning);
  });
});

test('an environment may be called daemons or services', () => {
  for (const env of ['daemons', 'services']) {
    expect(parseTopic(prefix, epochTopic(prefix, env))).toEqual({ kind: 'epoch', env });
    const { diff } = serviceTopics(prefix, env, 'health-check');
    expect(parseTopic(prefix, diff)).toEqual({ kind: 'diff', env, service: 'health-check' });
  }
});

test.each([
  '',
  'keys',
  '//keys',
  '/Prod/epoch',
  '/prod/epoch/',
  '/+/epoch',
  '/#',
  '/all/epoch',
  '/prod/services/a/other',
  '/prod/services/../snapshot',
  '/prod/services/a/snapshot/x',
  '/prod/services/a/clients/',
  '/prod/services/a/clients',
  '/daemons//health',
  '/daemons/+/health',
  '/daemons/#/health',
  '/prod',
])('headwater/tars%s is none of ours', (rest) => {
  expect(parseTopic(prefix, prefix + rest)).toBeNull();
});

test('a prefix that only begins alike is another deployment', () => {
  expect(parseTopic(prefix, 'headwater/tars2/keys')).toBeNull();
});

describe('client ids', () => {
  test('have three fields, read back whole', () => {
    const id = clientIdOf('prod', 'stt-worker', 'host-1_x');
    expect(parseClientId(id)).toEqual({ env: 'prod', service: 'stt-worker', instance: 'host-1_x' });
  });

  test.each([
    '',
    'prod.stt',
    'prod.stt.a.b',
    'prod.stt.',
    '.stt.a',
    'Prod.stt.a',
    'prod.all.a',
    'prod.stt.-a',
    'prod.stt.#',
    'prod.stt.a+',
    'prod.stt.a b',
    `prod.stt.${'a'.repeat(65)}`,
  ])('%j is none', (text) => {
    expect(parseClientId(text)).toBeNull();
  });
});
