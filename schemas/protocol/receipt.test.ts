import { describe, expect, test } from 'vitest';
import { utf8 } from './bytes.ts';
import { CLIENT_STATES, maxReceiptBytes, parseReceipt, type Receipt } from './receipt.ts';

const receipt: Receipt = {
  v: 1,
  clientId: 'prod.stt-worker.host-1',
  instance: 'host-1',
  service: 'stt-worker',
  env: 'prod',
  epoch: { era: 1, seq: 42, commit: 'a'.repeat(40) },
  digest: `sha256:${'a'.repeat(64)}`,
  state: 'live',
  restartPending: ['/whisper_model'],
  envOverrides: [],
  envInvalid: [],
  version: '0.1.0',
  at: '2026-11-21T10:00:00Z',
};
const parse = (more: Record<string, unknown> = {}): Receipt | null =>
  parseReceipt(utf8(JSON.stringify({ ...receipt, ...more })));

test('a receipt is read, with or without what is optional', () => {
  expect(parse()).toEqual(receipt);
  expect(parse({ reason: 'behind', schema: 'sha256:x' })).toMatchObject({ reason: 'behind' });
  for (const recipient of [null, 'f353ff4da1c2e8ca'])
    expect(parse({ secrets: { rev: 'a', recipient } })?.secrets?.recipient).toBe(recipient);
  expect(parse({ epoch: null, digest: null, state: 'defaults' })).not.toBeNull();
  for (const state of CLIENT_STATES) expect(parse({ state })?.state).toBe(state);
});

describe('anything else is none', () => {
  test.each<[string, Record<string, unknown>]>([
    ['another version', { v: 2 }],
    ['an unknown state', { state: 'toString' }],
    ['a short commit id', { epoch: { era: 1, seq: 42, commit: '9f3c2e1' } }],
    ['a reason that is no text', { reason: { html: '<b>' } }],
    ['a reason without end', { reason: 'x'.repeat(513) }],
    ['pointers that are no list', { restartPending: '/a' }],
    ['pointers that are no text', { envInvalid: [1] }],
    ['secrets without a revision', { secrets: { recipient: null } }],
    ['secrets opened by no text', { secrets: { rev: 'a', recipient: 5 } }],
    ['a time that is none', { at: 'yesterday' }],
    ['a version that is no text', { version: 1 }],
    ['a field missing', { instance: undefined }],
  ])('%s', (_, more) => {
    expect(parse(more)).toBeNull();
  });

  test('no JSON, no object, nothing, too much', () => {
    for (const text of ['', 'x', '[]', 'null', '{"v":1,"v":1}', '{"__proto__":{"v":1}}'])
      expect(parseReceipt(utf8(text))).toBeNull();
    expect(parse({ more: 'x'.repeat(maxReceiptBytes) })).toBeNull();
    expect(parseReceipt(Uint8Array.of(0xff))).toBeNull();
  });
});
