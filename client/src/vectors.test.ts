import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  digestOf,
  type Epoch,
  type HeadwaterError,
  type JsonObject,
  openKeys,
  parseTopic,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { describe, expect, test } from 'vitest';
import { createLkgStore } from './lkg-store.ts';
import { initialState, type StartState, step } from './machine.ts';
import type { Held, MachineDeps, MachineState, TopicKind } from './machine-state.ts';
import { encodeMarks } from './marks-file.ts';
import { createSecretsOpener } from './secrets/create-opener.ts';
import { noSecrets } from './secrets/opened-secrets.ts';
import { noMarks, raiseServiceMark, raiseStatementMark, serviceMark } from './trust.ts';

interface HeldCase {
  readonly epoch: Epoch;
  readonly digest: string;
  readonly schema: string;
  readonly secretsRev: string | null;
  readonly config: JsonObject;
  readonly removed?: boolean;
}
interface MessageCase {
  readonly name: string;
  readonly topic: string;
  readonly envelope: string;
  readonly held?: HeldCase | null;
  readonly heldStatement?: { readonly epoch: Epoch; readonly issuedAt: string };
  readonly expect: {
    readonly verdict: 'accept' | 'ignore' | 'refuse' | 'fetch';
    readonly code: string | null;
    readonly config?: JsonObject;
    readonly secretsRev?: string | null;
    readonly signers?: readonly string[];
    readonly removed?: boolean;
    readonly changed?: boolean;
  };
}
interface LkgCase {
  readonly name: string;
  readonly file: string;
  readonly mark?: Epoch;
  readonly expect: {
    readonly verdict: 'use' | 'quarantine';
    readonly code: string | null;
    readonly sealed?: boolean;
    readonly epoch?: Epoch;
    readonly digest?: string;
    readonly config?: JsonObject;
    readonly secretsRev?: string | null;
    readonly signers?: readonly string[];
  };
}

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../schemas/vectors/${name}.json`, import.meta.url), 'utf8'));
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

const messages = read('messages');
const roots: readonly string[] = messages.trust.roots;
const keyring = openKeys(
  bytesOf(messages.keys),
  { roots, deployment: messages.target.deployment, version: 0 },
  nodeCrypto,
);
const goodKey = [...keyring.entries.values()].find(({ signer }) => signer.revoked === undefined)
  ?.keyId as string;
const deps: MachineDeps = {
  target: messages.target,
  roots,
  crypto: nodeCrypto,
  random: () => 0.5,
  check: () => null,
  openSecrets: createSecretsOpener({ target: messages.target, identityFile: null, crypto: nodeCrypto }),
};

function startOf({ held, heldStatement }: MessageCase): StartState {
  let marks = noMarks;
  if (heldStatement) marks = raiseStatementMark(marks, [goodKey], heldStatement);
  if (!held) return { keyring, marks };
  const { epoch, digest, schema, secretsRev, config, removed } = held;
  const position = { epoch, digest, schema, rev: secretsRev };
  const tombstone = { epoch, digest: null, schema: null, rev: null };
  marks = removed
    ? raiseServiceMark(marks, [goodKey], 'tombstone', tombstone)
    : raiseServiceMark(marks, [goodKey], 'document', position);
  const document: Held = {
    ...position,
    config,
    secrets: secretsRev === null ? null : { rev: secretsRev, recipients: [], sealed: null },
    opened: noSecrets,
    kind: 'snapshot',
    envelope: new Uint8Array(),
    secretsEnvelope: new Uint8Array(),
    secretsSigners: [goodKey],
    signers: [goodKey],
    source: 'lkg',
    requestId: null,
  };
  return { keyring, marks, held: document, removed: removed ? epoch : null };
}

const kindOf = (topic: string): TopicKind => parseTopic(messages.prefix, topic)?.kind as TopicKind;

describe('conformance vectors: messages', () => {
  test.each(messages.cases as MessageCase[])('$name', (one) => {
    // Nothing is being fetched at first, so that a wish to fetch shows.
    const before: MachineState = { ...initialState(startOf(one)), isConnected: true, fetch: null };
    const event = { type: 'message', topic: kindOf(one.topic), bytes: bytesOf(one.envelope) } as const;
    const { state, effects } = step(before, event, 0, deps);

    const refusal = effects.flatMap((effect) => (effect.type === 'refused' ? [effect.refusal] : []))[0];
    const counts = new Set(effects.flatMap((effect) => (effect.type === 'count' ? [effect.name] : [])));
    const setAside = counts.has('setAside') ? 'HW_SIGNER_UNKNOWN' : null;
    const gap = counts.has('gaps') ? 'HW_PATCH_BASE' : null;
    expect(refusal?.code ?? setAside ?? gap).toBe(one.expect.code);

    const isStatement = kindOf(one.topic) === 'epoch';
    const takes = one.expect.verdict === 'accept';
    if (!takes) {
      expect(state.held).toBe(before.held);
      expect(state.marks).toEqual(before.marks);
      expect(state.removed).toBe(before.removed);
    }
    if (one.expect.verdict === 'fetch') expect(state.fetch).not.toBeNull();
    else if (!isStatement) expect(state.fetch).toBeNull();
    if (takes && isStatement) expect(counts).toContain('statements');
    if (one.expect.config) {
      expect(state.held?.config).toEqual(one.expect.config);
      expect(state.held?.digest).toBe(digestOf(one.expect.config, nodeCrypto));
    }
    if (one.expect.secretsRev !== undefined) expect(state.held?.rev).toBe(one.expect.secretsRev);
    if (one.expect.signers) expect(Object.keys(state.marks.service)).toEqual(one.expect.signers);
    if (one.expect.removed) expect(state.status.state).toBe('removed');
    if (one.expect.changed === false) expect(state.held?.digest).toBe(before.held?.digest);
  });
});

const lkg = read('lkg');

describe('conformance vectors: last-known-good files', () => {
  test.each(lkg.cases as LkgCase[])('$name', (one) => {
    const folder = mkdtempSync(join(tmpdir(), 'headwater-vectors-'));
    try {
      const below = join(folder, lkg.target.deployment, lkg.target.env);
      mkdirSync(below, { recursive: true, mode: 0o700 });
      const file = join(below, `${lkg.target.service}.lkg`);
      writeFileSync(file, bytesOf(one.file));
      writeFileSync(join(folder, 'hmac.key'), Buffer.from(lkg.hmacKey, 'hex'));
      if (one.mark) writeFileSync(join(below, `${lkg.target.service}.marks.json`), marksOf(one, one.mark));
      const troubles: HeadwaterError[] = [];
      const start = createLkgStore({
        cacheDir: folder,
        stateDir: folder,
        target: lkg.target,
        roots: lkg.trust.roots,
        keys: Buffer.from(lkg.keys, 'base64').toString(),
        crypto: nodeCrypto,
        openSecrets: deps.openSecrets,
        onTrouble: (error) => troubles.push(error),
      }).load();

      if (one.expect.verdict === 'quarantine') {
        expect(troubles.map((error) => error.code)).toEqual([one.expect.code]);
        expect(start.held).toBeUndefined();
        expect(readdirSync(join(below, 'quarantine'))).toHaveLength(1);
        return;
      }
      const { epoch, digest, config, secretsRev, sealed, signers } = one.expect;
      expect(start.held).toMatchObject({ epoch, digest, config, rev: secretsRev });
      expect(start.isUnsealed).toBe(!sealed);
      expect(troubles.map((error) => error.code)).toEqual(sealed ? [] : ['HW_CACHE_UNSEALED']);
      if (!one.mark) {
        const mark = serviceMark(start.marks ?? noMarks, start.keyring ?? null);
        expect(mark?.epoch ?? null).toEqual(signers?.length === 0 ? null : epoch);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  function marksOf(one: LkgCase, epoch: Epoch): Uint8Array {
    const position = {
      epoch,
      digest: one.expect.digest ?? null,
      schema: null,
      rev: one.expect.secretsRev ?? null,
    };
    const schema = start(one)?.schema ?? null;
    return encodeMarks(raiseServiceMark(noMarks, [goodKey], 'document', { ...position, schema }));
  }

  /** Payload of the file's envelope part: the mark of an equal epoch must name the same schema. */
  function start(one: LkgCase): { schema: string } | null {
    const text = Buffer.from(one.file, 'base64').toString();
    const schema = /"schema":"(sha256:[0-9a-f]{64})"/.exec(text)?.[1];
    return schema ? { schema } : null;
  }
});
