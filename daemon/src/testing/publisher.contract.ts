/** What every `Publisher` does, whatever broker is behind it. The fake and the adapters all pass it. */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IncomingMessage, OutgoingMessage, Publisher } from '../ports.ts';

/** A broker with nothing retained. */
export interface PublisherScene {
  /** A publisher that was not started yet; the scene closes it. */
  readonly publisher: Publisher;
  /** The broker goes away and comes back with nothing retained. */
  restartBroker(): Promise<void>;
  close(): Promise<void>;
}

/** @param restarts False for a broker that lives and dies with its publisher. */
export function publisherContract(
  name: string,
  createScene: () => Promise<PublisherScene>,
  { restarts }: { readonly restarts: boolean },
): void {
  describe(`${name} as a publisher`, () => {
    let scene: PublisherScene;
    let publisher: Publisher;
    let seen: Listener;

    beforeEach(async () => {
      scene = await createScene();
      publisher = scene.publisher;
      seen = new Listener();
    });

    afterEach(async () => {
      await publisher.close();
      await scene.close();
    });

    async function connected(filters: readonly string[] = []): Promise<void> {
      await publisher.start(filters, seen);
      await seen.until(() => seen.connects === 1);
    }

    test('publishing before there is a connection fails at once', async () => {
      await expect(publisher.publish(message('t/a', 'x'))).rejects.toSatisfy(isUnreachable);
      await expect(publisher.readRetained(['t/a'])).rejects.toSatisfy(isUnreachable);
    });

    test('an acknowledged retained message can be read back, byte for byte', async () => {
      await connected();
      const payload = Uint8Array.from({ length: 60_000 }, (_, index) => index % 256);
      await publisher.publish({ topic: 't/a', payload, retain: true, qos: 1 });
      const found = await publisher.readRetained(['t/a']);
      expect(Buffer.from(found.get('t/a') as Uint8Array).equals(payload)).toBe(true);
    });

    test('a topic that retains nothing is absent, and so is one that only had a passing message', async () => {
      await connected();
      await publisher.publish({ ...message('t/passing', 'x'), retain: false });
      await publisher.publish(message('t/kept', 'x'));
      const found = await publisher.readRetained(['t/never', 't/passing', 't/kept']);
      expect([...found.keys()]).toEqual(['t/kept']);
    });

    test('the newest retained message replaces the one before', async () => {
      await connected();
      await publisher.publish(message('t/a', 'first'));
      await publisher.publish(message('t/a', 'second'));
      expect(text(await publisher.readRetained(['t/a']), 't/a')).toBe('second');
    });

    test('an empty retained message clears the topic', async () => {
      await connected();
      await publisher.publish(message('t/a', 'first'));
      await publisher.publish(message('t/a', ''));
      expect((await publisher.readRetained(['t/a'])).size).toBe(0);
    });

    test('several hundred retained messages are read in one call, and twice at once', async () => {
      await connected();
      const topics = Array.from({ length: 240 }, (_, index) => `t/${index}/snapshot`);
      await Promise.all(topics.map((topic) => publisher.publish(message(topic, topic))));
      const [one, two] = await Promise.all([publisher.readRetained(topics), publisher.readRetained(topics)]);
      for (const found of [one, two])
        expect(topics.every((topic) => text(found, topic) === topic)).toBe(true);
    });

    test('messages on followed topics arrive in order, our own included; others do not', async () => {
      await connected(['t/+/clients/+']);
      await publisher.publish({ ...message('t/other', 'no'), retain: false });
      await publisher.publish({ ...message('t/a/clients/1', 'one'), retain: false });
      await publisher.publish({ ...message('t/b/clients/2', 'two'), retain: false });
      await publisher.publish(message('t/a/clients/1', 'three'));
      await seen.until(() => seen.messages.length === 3);
      expect(seen.messages).toEqual([
        ['t/a/clients/1', 'one'],
        ['t/b/clients/2', 'two'],
        ['t/a/clients/1', 'three'],
      ]);
    });

    test('reading a followed topic does not end following it', async () => {
      await connected(['t/keys']);
      await publisher.publish(message('t/keys', 'one'));
      await publisher.readRetained(['t/keys']);
      await publisher.publish(message('t/keys', 'two'));
      await seen.until(() => seen.messages.at(-1)?.[1] === 'two');
    });

    test('a handler that throws stops nothing', async () => {
      await connected(['t/a']);
      seen.failing = true;
      await publisher.publish(message('t/a', 'one'));
      await seen.until(() => seen.messages.length === 1);
      seen.failing = false;
      await publisher.publish(message('t/a', 'two'));
      await seen.until(() => seen.messages.length === 2);
    });

    test('after close nothing is published and nothing arrives', async () => {
      await connected(['t/a']);
      await publisher.close();
      await expect(publisher.publish(message('t/a', 'x'))).rejects.toSatisfy(isUnreachable);
      expect(seen.messages).toEqual([]);
    });

    test('the address for services carries no credentials', () => {
      expect(publisher.url).toMatch(/^mqtts?:\/\/[^@/]+:\d+$/);
    });

    if (!restarts) return;

    test('a broker that comes back empty is reported, followed and published to again', async () => {
      await connected(['t/a']);
      await publisher.publish(message('t/a', 'before'));
      await scene.restartBroker();
      await seen.until(() => seen.connects === 2);
      expect(seen.disconnects).toBeGreaterThan(0);
      expect((await publisher.readRetained(['t/a'])).size).toBe(0);
      await publisher.publish(message('t/a', 'after'));
      await seen.until(() => seen.messages.at(-1)?.[1] === 'after');
    });
  });
}

class Listener {
  connects = 0;
  disconnects = 0;
  failing = false;
  readonly messages: Array<[topic: string, payload: string]> = [];
  #changed: () => void = () => undefined;

  onConnect(): void {
    this.connects += 1;
    this.#changed();
  }

  onDisconnect(): void {
    this.disconnects += 1;
    this.#changed();
  }

  onMessage({ topic, payload }: IncomingMessage): void {
    this.messages.push([topic, Buffer.from(payload).toString()]);
    this.#changed();
    if (this.failing) throw new Error('handler failed');
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

function message(topic: string, payload: string): OutgoingMessage {
  return { topic, payload: Buffer.from(payload), retain: true, qos: 1 };
}

function text(found: ReadonlyMap<string, Uint8Array>, topic: string): string {
  return Buffer.from(found.get(topic) ?? []).toString();
}

const isUnreachable = (error: unknown): boolean => isHeadwaterError(error, 'HW_BROKER_UNREACHABLE');
