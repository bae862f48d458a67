/** The daemon judges what it finds on the broker by the same golden messages as every client. */
import { readFileSync } from 'node:fs';
import { openKeys, parseTopic } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { expect, test } from 'vitest';
import { createFakePublisher } from '../testing/fake-publisher.ts';
import { openRetained, openStatement } from './broker-sync.ts';

interface MessageCase {
  readonly name: string;
  readonly topic: string;
  readonly envelope: string;
  readonly expect: {
    readonly verdict: 'accept' | 'ignore' | 'refuse' | 'fetch';
    readonly code: string | null;
  };
}

const file = new URL('../../../schemas/vectors/messages.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly prefix: string;
  readonly trust: { readonly roots: readonly string[] };
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  readonly keys: string;
  readonly cases: readonly MessageCase[];
};
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const trust = { roots: vectors.trust.roots, deployment: vectors.target.deployment, version: 0 };
const keyring = openKeys(bytesOf(vectors.keys), trust, nodeCrypto);
const deps = { publisher: createFakePublisher(), keyring, crypto: nodeCrypto, prefix: vectors.prefix };

/** What a client refuses only because of what it already holds is a fine message to a daemon that looks at the topic. */
const stateful = new Set(['HW_ROLLBACK', 'HW_EQUIVOCATION']);

const about = (kinds: readonly string[]) =>
  vectors.cases.filter(({ topic }) => kinds.includes(parseTopic(vectors.prefix, topic)?.kind ?? ''));

test.each(about(['snapshot']).map((one) => [one.name, one] as const))(
  'snapshot topic: %s',
  (_name, { envelope, expect: expected }) => {
    const { env, service } = vectors.target;
    const found = openRetained(env, service, bytesOf(envelope), undefined, deps);
    const isFine = expected.verdict === 'accept' || expected.code === null || stateful.has(expected.code);
    expect(found !== null).toBe(isFine);
  },
);

test.each(about(['epoch']).map((one) => [one.name, one] as const))(
  'epoch topic: %s',
  (_name, { envelope, expect: expected }) => {
    const found = openStatement(vectors.target.env, bytesOf(envelope), deps);
    const isFine = expected.verdict === 'accept' || expected.code === null || stateful.has(expected.code);
    expect(found !== null).toBe(isFine);
  },
);
