import { readFileSync } from 'node:fs';
import {
  applyPatch,
  compareEpochs,
  digestOf,
  digestOfBytes,
  type Epoch,
  fromHex,
  HeadwaterError,
  isHeadwaterError,
  isObject,
  type JsonObject,
  type JsonValue,
  type Keyring,
  keyIdOf,
  type OpenedMessage,
  openKeys,
  openLkg,
  openMessage,
  type PatchOp,
  parseJson,
  parseJsonBytes,
  parsePublicKey,
  parseTopic,
  type RootTrust,
  sameEpoch,
  signEnvelope,
  signingKeyOf,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nobleCrypto } from '@headwater/schemas/protocol/noble';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import canonicalize from 'canonicalize';
import { describe, expect, test } from 'vitest';
import { makeVectors } from './generate.mjs';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));

/** What a judgement came to, in the words of the vectors. */
function outcome(judge: () => object): object {
  try {
    return judge();
  } catch (error) {
    if (isHeadwaterError(error)) return { code: error.code };
    throw error;
  }
}

test.each([...makeVectors().keys()])('%s is what the generator makes', (name) => {
  expect(read(name) === makeVectors().get(name), 'run node schemas/vectors/generate.mjs').toBe(true);
});

test('every case has a name of its own', () => {
  for (const [name, text] of makeVectors()) {
    const lists = Object.values(JSON.parse(text) as Record<string, unknown>).filter(Array.isArray) as { name?: string }[][];
    for (const list of lists) {
      const names = list.flatMap((one) => one.name ?? []);
      expect(new Set(names).size, name).toBe(names.length);
    }
  }
});

describe.each([nodeCrypto, nobleCrypto])('with $name', (crypto) => {
  describe('signatures.json', () => {
    const vectors = JSON.parse(read('signatures.json')) as {
      ed25519: { name: string; seed?: string; publicKey: string; message: string; signature: string; valid: boolean }[];
      refusedKeys: { publicKey: string; reason: string }[];
      keyIds: { publicKey: string; keyId: string }[];
      envelopes: { kind: 'snapshot'; seed: string; payload: string; envelope: string }[];
    };

    test.each(vectors.ed25519)('$name: $valid', ({ seed, publicKey, message, signature, valid }) => {
      expect(crypto.verify(fromHex(signature), fromHex(message), fromHex(publicKey))).toBe(valid);
      if (seed) expect(toHex(crypto.sign(fromHex(message), fromHex(seed)))).toBe(signature);
    });

    test.each(vectors.refusedKeys)('no key: $reason', ({ publicKey }) => {
      expect(outcome(() => parsePublicKey(publicKey))).toEqual({ code: 'HW_KEY_INVALID' });
    });

    test('key ids and envelopes', () => {
      for (const { publicKey, keyId } of vectors.keyIds) expect(keyIdOf(fromHex(publicKey), crypto)).toBe(keyId);
      for (const { kind, seed, payload, envelope } of vectors.envelopes) {
        const key = signingKeyOf(fromHex(seed), crypto);
        expect(signEnvelope(kind, utf8(payload), [key], crypto)).toEqual(utf8(envelope));
      }
    });
  });

  describe('digests.json', () => {
    const vectors = JSON.parse(read('digests.json')) as {
      documents: { name: string; text: string; canonical: string; digest: string }[];
      numbers: { ieee754: string; canonical: string }[];
    };

    test.each(vectors.documents)('$name', ({ text, canonical, digest }) => {
      expect(digestOf(parseJson(text), crypto)).toBe(digest);
      expect(digestOfBytes(utf8(canonical), crypto)).toBe(digest);
    });

    test.each(vectors.numbers)('$canonical', ({ ieee754, canonical }) => {
      const value = Buffer.from(ieee754, 'hex').readDoubleBE();
      expect((canonicalize as unknown as (value: number) => string)(value)).toBe(canonical);
      expect(digestOf(value, crypto)).toBe(digestOfBytes(utf8(canonical), crypto));
    });
  });

  describe('keys.json', () => {
    const { chains } = JSON.parse(read('keys.json')) as {
      chains: { name: string; trust: RootTrust; steps: { envelope: string; expect: Record<string, unknown> }[] }[];
    };

    test.each(chains)('$name', ({ trust, steps }) => {
      let held = trust;
      for (const { envelope, expect: expected } of steps) {
        const { verdict, ...rest } = expected;
        const result = outcome(() => {
          const { version, roots, deployment } = openKeys(bytesOf(envelope), held, crypto);
          held = { version, roots, deployment };
          return { code: null, version, roots };
        });
        expect(result).toEqual(rest);
        expect(verdict).toBe(rest.code === null ? 'accept' : 'refuse');
      }
    });
  });

  describe('messages.json', () => {
    const vectors = JSON.parse(read('messages.json')) as MessageVectors;
    const keyring = keyringOf(vectors, crypto);
    test.each(vectors.cases)('$name', (one) => {
      const result = outcome(() => judgeMessage(one, vectors, keyring, crypto)) as Partial<Expectation>;
      if (one.expect.verdict === 'accept') expect({ ...result, code: null }).toMatchObject(one.expect);
      else expect(result.code ?? null).toBe(one.expect.code);
      expect(result.verdict ?? refusalOf(result.code as string)).toBe(one.expect.verdict);
    });
  });

  describe('lkg.json', () => {
    const vectors = JSON.parse(read('lkg.json')) as LkgVectors;
    const keyring = keyringOf(vectors, crypto);
    test.each(vectors.cases)('$name', ({ file, mark, expect: expected }) => {
      const { verdict, ...rest } = expected;
      const result = outcome(() => {
        const opened = openLkg(bytesOf(file), vectors.target, keyring, fromHex(vectors.hmacKey), crypto);
        const { payload, signers } = opened.message;
        // [protocol §7.3] what the client adds: the mark
        if (mark && compareEpochs(payload.epoch, mark) < 0) return { code: 'HW_LKG_ROLLBACK' };
        return {
          code: null,
          sealed: opened.file.sealed,
          epoch: payload.epoch,
          digest: payload.digest,
          config: opened.config,
          secretsRev: opened.secrets?.rev ?? null,
          signers,
        };
      });
      expect(result).toEqual(rest);
      expect(verdict).toBe(rest.code === null ? 'use' : 'quarantine');
    });
  });
});

describe('json.json', () => {
  const { cases } = JSON.parse(read('json.json')) as { cases: { name: string; base64: string; accept: boolean; code?: string }[] };
  test.each(cases)('$name', ({ base64, accept, code }) => {
    const result = outcome(() => ({ value: parseJsonBytes(bytesOf(base64)) }));
    expect(accept ? 'value' in result : result).toEqual(accept ? true : { code });
  });
});

describe('patches.json', () => {
  const vectors = JSON.parse(read('patches.json')) as Record<
    'accepted' | 'refused',
    { name: string; document: JsonValue; ops: PatchOp[]; result: JsonValue }[]
  >;
  test.each(vectors.accepted)('$name', ({ document, ops, result }) => {
    expect(applyPatch(document, ops)).toEqual(result);
  });
  test.each(vectors.refused)('refused: $name', ({ document, ops }) => {
    expect(outcome(() => ({ value: applyPatch(document, ops) }))).toEqual({ code: 'HW_PATCH_INVALID' });
  });
});

interface Expectation {
  readonly verdict: 'accept' | 'ignore' | 'refuse' | 'fetch';
  readonly code: string | null;
}

interface Held {
  readonly epoch: Epoch;
  readonly digest: string;
  readonly schema: string;
  readonly secretsRev: string | null;
  readonly config: JsonObject;
}

interface MessageCase {
  readonly name: string;
  readonly topic: string;
  readonly envelope: string;
  readonly held?: Held | null;
  readonly heldStatement?: { epoch: Epoch; issuedAt: string };
  readonly expect: Expectation;
}

interface TrustVectors {
  readonly trust: { roots: string[] };
  readonly keys: string;
  readonly target: { deployment: string; env: string; service: string };
}

type MessageVectors = TrustVectors & { readonly prefix: string; readonly cases: MessageCase[] };
type LkgVectors = TrustVectors & {
  readonly hmacKey: string;
  readonly cases: { name: string; file: string; mark?: Epoch; expect: { verdict: string; code: string | null } }[];
};

type Opened = OpenedMessage<'snapshot' | 'diff' | 'tombstone' | 'schema' | 'epoch'>;

function keyringOf({ keys, trust, target }: TrustVectors, crypto: typeof nodeCrypto): Keyring {
  return openKeys(bytesOf(keys), { roots: trust.roots, deployment: target.deployment, version: 0 }, crypto);
}

const kindsOn = {
  snapshot: ['snapshot', 'tombstone'],
  diff: ['diff', 'snapshot', 'tombstone'],
  schema: ['schema'],
  epoch: ['epoch'],
} as const;

const stop = (code: ConstructorParameters<typeof HeadwaterError>[0]): never => {
  throw new HeadwaterError(code, { message: 'refused' });
};

/** A receiver in few lines: what a client must come to, and nothing about how. [protocol §6] */
function judgeMessage(one: MessageCase, vectors: MessageVectors, keyring: Keyring, crypto: typeof nodeCrypto): object {
  const about = parseTopic(vectors.prefix, one.topic);
  if (about === null || !(about.kind in kindsOn)) throw new Error(`odd topic ${one.topic}`);
  const kinds = kindsOn[about.kind as keyof typeof kindsOn];
  const { deployment, env, service } = vectors.target;
  const target = about.kind === 'epoch' ? { deployment, env } : { deployment, env, service };
  const opened: Opened = openMessage(bytesOf(one.envelope), kinds, target, keyring, crypto);
  if (opened.signers.length === 0) stop('HW_SIGNER_REVOKED');
  const { payload, signers } = opened;
  if (payload.kind === 'schema') return { verdict: 'accept', signers };
  if (payload.kind === 'epoch') return { verdict: judgeStatement(payload, one), signers };
  const held = one.held ?? null;
  const order = held ? compareEpochs(payload.epoch, held.epoch) : 1;
  if (held && order < 0) return { verdict: 'ignore', code: 'HW_ROLLBACK' };
  if (payload.kind === 'tombstone') return { verdict: 'accept', removed: true, signers };
  const rev = payload.secrets === 'unchanged' ? (held?.secretsRev ?? null) : (payload.secrets?.rev ?? null);
  if (held && order === 0) {
    const same = sameEpoch(payload.epoch, held.epoch) && payload.digest === held.digest && payload.schema === held.schema;
    return same && rev === held.secretsRev ? { verdict: 'ignore' } : stop('HW_EQUIVOCATION');
  }
  const config = payload.kind === 'snapshot' ? payload.config : patched(payload, held);
  if (digestOf(config, crypto) !== payload.digest) {
    // A diff that leads elsewhere asks for the snapshot; a snapshot that contradicts itself is refused.
    return payload.kind === 'diff' ? { verdict: 'fetch', code: 'HW_DIGEST_MISMATCH' } : stop('HW_DIGEST_MISMATCH');
  }
  return { verdict: 'accept', config, secretsRev: rev, signers, changed: payload.digest !== held?.digest };
}

function patched(payload: Extract<Opened['payload'], { kind: 'diff' }>, held: Held | null): JsonObject {
  if (!held || !sameEpoch(payload.base, held.epoch) || payload.baseDigest !== held.digest) return stop('HW_PATCH_BASE');
  const config = applyPatch(held.config, payload.ops);
  return isObject(config) ? config : stop('HW_PATCH_INVALID');
}

function judgeStatement(payload: { epoch: Epoch; issuedAt: string }, { heldStatement: held }: MessageCase): string {
  if (!held) return 'accept';
  const order = compareEpochs(payload.epoch, held.epoch) || Math.sign(Date.parse(payload.issuedAt) - Date.parse(held.issuedAt));
  if (compareEpochs(payload.epoch, held.epoch) === 0 && !sameEpoch(payload.epoch, held.epoch)) stop('HW_EQUIVOCATION');
  if (order < 0) stop('HW_ROLLBACK');
  return order === 0 ? 'ignore' : 'accept';
}

/** What a code means for a receiver, when it was thrown. */
function refusalOf(code: string): string {
  if (code === 'HW_MESSAGE_EMPTY' || code === 'HW_ROLLBACK') return 'ignore';
  return code === 'HW_PATCH_BASE' || code === 'HW_PATCH_INVALID' ? 'fetch' : 'refuse';
}
