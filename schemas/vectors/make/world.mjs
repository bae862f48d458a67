/**
 * The fixed world that the vectors and the unit tests play in: one deployment, its test keys, its commits and its messages.
 * Every key comes from a public seed. They are TEST KEYS: never trust them anywhere else.
 */
import {
  digestOf,
  keyIdOf,
  keysText,
  openKeys,
  signEnvelope,
  signingKeyOf,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';

const crypto = nodeCrypto;

export const target = { deployment: 'tars', env: 'prod', service: 'stt-worker' };

/** Test key of a name: the seed is the SHA-256 of `headwater test key: <name>`. */
export function testKey(name) {
  const seed = crypto.sha256(utf8(`headwater test key: ${name}`));
  const pair = signingKeyOf(new Uint8Array(seed), crypto);
  return { ...pair, name, hex: toHex(pair.publicKey), keyId: keyIdOf(pair.publicKey, crypto) };
}

export const root = testKey('root');
export const signer = testKey('signer');
export const oldSigner = testKey('old signer, revoked');
export const stranger = testKey('stranger');

/** Commit id of a number. */
export const commitOf = (n) => toHex(crypto.sha256(utf8(`commit ${n}`))).slice(0, 40);
export const epochOf = (seq, era = 1) => ({ era, seq, commit: commitOf(seq) });

export const json = (value) => utf8(JSON.stringify(value));
export const sign = (kind, payload, ...keys) =>
  signEnvelope(kind, payload instanceof Uint8Array ? payload : json(payload), keys.length ? keys : [signer], crypto);

/** Signers of a keys payload: the signer in force and one that was revoked. */
export const signers = [
  { key: signer.hex, notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' },
  { key: oldSigner.hex, notBefore: '2026-01-01T00:00:00Z', revoked: '2026-11-20T12:00:00Z' },
];

export const keysPayload = (more = {}) => ({
  v: 1,
  kind: 'keys',
  deployment: target.deployment,
  issuedAt: '2026-11-21T10:00:00Z',
  version: 1,
  roots: [root.hex],
  signers,
  ...more,
});
export const keysEnvelope = (more = {}, ...keys) => sign('keys', keysPayload(more), ...(keys.length ? keys : [root]));
export const asText = keysText;

/** The keyring of the world, opened. */
export const keyring = openKeys(
  keysEnvelope(),
  { roots: [root.hex], deployment: target.deployment, version: 0 },
  crypto,
);

export const config = { vad_threshold: 0.5, whisper_model: 'base.en', words: ['tars', 'case'], audio: { rate: 16000 } };
export const nextConfig = { ...config, vad_threshold: 0.6, words: ['tars', 'case', 'cooper'] };
export const schemaDocument = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: { vad_threshold: { type: 'number', default: 0.5, 'x-hw': { level: 'simple' } } },
};
export const schemaDigest = digestOf(schemaDocument, crypto);

const head = { v: 1, deployment: target.deployment, issuedAt: '2026-11-21T10:05:00.250Z' };

export const sealed = {
  rev: toHex(crypto.sha256(utf8('secrets 1'))),
  recipients: ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'],
  sealed: '-----BEGIN AGE ENCRYPTED FILE-----\nnot a real one\n-----END AGE ENCRYPTED FILE-----\n',
};

export const snapshot = (more = {}) => ({
  ...head,
  kind: 'snapshot',
  env: target.env,
  service: target.service,
  epoch: epochOf(42),
  schema: schemaDigest,
  digest: digestOf(more.config ?? config, crypto),
  config,
  secrets: null,
  ...more,
});

/** From `config` at 42 to `nextConfig` at 43. */
export const diff = (more = {}) => ({
  ...head,
  kind: 'diff',
  env: target.env,
  service: target.service,
  epoch: epochOf(43),
  schema: schemaDigest,
  digest: digestOf(nextConfig, crypto),
  base: epochOf(42),
  baseDigest: digestOf(config, crypto),
  ops: [
    { op: 'replace', path: '/vad_threshold', value: 0.6 },
    { op: 'add', path: '/words/2', value: 'cooper' },
  ],
  secrets: null,
  ...more,
});

export const tombstone = (more = {}) => ({
  ...head,
  kind: 'tombstone',
  env: target.env,
  service: target.service,
  epoch: epochOf(44),
  ...more,
});

export const schema = (more = {}) => ({
  ...head,
  kind: 'schema',
  env: target.env,
  service: target.service,
  epoch: epochOf(42),
  digest: schemaDigest,
  document: schemaDocument,
  ...more,
});

export const statement = (more = {}) => ({
  ...head,
  kind: 'epoch',
  env: target.env,
  epoch: epochOf(43),
  expiresAt: '2026-11-21T10:06:30.250Z',
  recent: [
    { seq: 43, commit: commitOf(43), services: { 'stt-worker': 43 } },
    { seq: 42, commit: commitOf(42), services: '*' },
  ],
  status: 'ok',
  held: [],
  heldTotal: 0,
  ...more,
});

/** What a receiver holds after it accepted `snapshot()`. */
export const held = {
  epoch: epochOf(42),
  digest: digestOf(config, crypto),
  schema: schemaDigest,
  secretsRev: null,
  config,
};

export const hmacKey = new Uint8Array(crypto.sha256(utf8('headwater test hmac key')));
export const base64 = (bytes) => Buffer.from(bytes).toString('base64');
