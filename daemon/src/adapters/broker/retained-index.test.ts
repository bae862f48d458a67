import { describe, expect, test } from 'vitest';
import { RetainedIndex } from './retained-index.ts';
import { SessionlessPersistence } from './sessionless-persistence.ts';

describe('the retained index', () => {
  test('keeps the newest message of a topic, and none after an empty one', () => {
    const index = new RetainedIndex();
    index.store('a/b', Buffer.from('one'), 1);
    index.store('a/b', Buffer.from('two'), 1);
    expect(index.get('a/b')?.payload.toString()).toBe('two');
    index.store('a/b', Buffer.alloc(0), 1);
    expect([index.get('a/b'), index.size, index.bytesBeside('a/b')]).toEqual([undefined, 0, 0]);
  });

  test('knows how much lies beside a topic', () => {
    const index = new RetainedIndex();
    index.store('s/clients/1', Buffer.alloc(10, 1), 1);
    index.store('s/clients/2', Buffer.alloc(5, 1), 1);
    index.store('s/clients/2', Buffer.alloc(7, 1), 1);
    index.store('s/snapshot', Buffer.alloc(100, 1), 1);
    expect([index.bytesBeside('s/clients/3'), index.bytesBeside('s/diff')]).toEqual([17, 100]);
  });

  test('does not keep a whole chunk alive for a small payload cut out of it', () => {
    const index = new RetainedIndex();
    index.store('a', Buffer.alloc(64 * 1024, 1).subarray(10, 30), 0);
    expect(index.get('a')?.payload.buffer.byteLength).toBe(20);
  });

  test('finds by wildcard what the daemon follows', () => {
    const index = new RetainedIndex();
    for (const topic of ['e/services/a/clients/1', 'e/services/b/clients/2', 'e/services/a/diff']) {
      index.store(topic, Buffer.from('x'), 1);
    }
    const found = [...index.matching('e/services/+/clients/+')].map((message) => message.topic);
    expect(found).toEqual(['e/services/a/clients/1', 'e/services/b/clients/2']);
  });
});

test('a subscription is answered by looking its topics up, never by going through all of them', async () => {
  class NoScans extends RetainedIndex {
    lookUps = 0;
    override get(topic: string) {
      this.lookUps += 1;
      return super.get(topic);
    }
    override matching(): never {
      throw new Error('scanned');
    }
  }
  const index = new NoScans();
  for (let n = 0; n < 10_000; n += 1) index.store(`t/${n}`, Buffer.from(String(n)), 1);
  const answers: string[] = [];
  for await (const packet of new SessionlessPersistence(index).createRetainedStreamCombi([
    't/7',
    't/none',
    't/9999',
  ])) {
    answers.push(packet.payload.toString());
  }
  expect(answers).toEqual(['7', '9999']);
  expect(index.lookUps).toBe(3);
});
