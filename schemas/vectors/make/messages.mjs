/** messages.json: messages on topics, what a receiver holds, and its verdict. Expectations are written by hand. */
import {
  concatBytes,
  digestOf,
  parseEnvelope,
  serviceTopics,
  toBase64Url,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import * as w from './world.mjs';

const prefix = 'headwater/tars';
const topics = {
  ...serviceTopics(prefix, 'prod', 'stt-worker'),
  epoch: `${prefix}/prod/epoch`,
};
const ok = (more = {}) => ({ verdict: 'accept', code: null, ...more });
const not = (verdict, code, more = {}) => ({ verdict, code, ...more });
const refuse = (code) => not('refuse', code);

/** One case; the topic follows from the kind unless it is named. */
function at(topic, name, envelope, expect, more = {}) {
  return { name, topic: topics[topic], envelope: w.base64(envelope), ...more, expect };
}

export function makeMessages() {
  return {
    about: 'What one client of prod/stt-worker makes of one message. TEST KEYS ONLY. See README.md.',
    prefix,
    target: w.target,
    trust: { roots: [w.root.hex] },
    keys: w.base64(w.keysEnvelope()),
    cases: [...accepted(), ...envelopes(), ...signerCases(), ...targets(), ...payloads(), ...marks(), ...diffs(), ...statements()],
  };
}

const snapshotOf = (seq, config = w.config, more = {}) => w.sign('snapshot', w.snapshot({ epoch: w.epochOf(seq), config, ...more }));

function accepted() {
  const many = ['a', 'b', 'c'].map((name) => w.testKey(`unknown ${name}`));
  return [
    at('snapshot', 'first snapshot', snapshotOf(42), ok({ config: w.config })),
    at('snapshot', 'snapshot with sealed secrets', snapshotOf(42, w.config, { secrets: w.sealed }), ok({ config: w.config, secretsRev: w.sealed.rev })),
    at('snapshot', 'secrets without a recipient', snapshotOf(42, w.config, { secrets: { ...w.sealed, recipients: [], sealed: null } }), ok({ config: w.config, secretsRev: w.sealed.rev })),
    at('snapshot', 'with a request id', snapshotOf(42, w.config, { requestId: 'req-1.2_3' }), ok({ config: w.config })),
    at('snapshot', 'with a field that this version does not know', snapshotOf(42, w.config, { later: { x: 1 } }), ok({ config: w.config })),
    at('snapshot', 'an empty config is a config', snapshotOf(42, {}), ok({ config: {} })),
    at('snapshot', 'keys that objects inherit', snapshotOf(42, { toString: 1, hasOwnProperty: null }), ok({ config: { toString: 1, hasOwnProperty: null } })),
    at('snapshot', 'four signatures, one of a known key', w.sign('snapshot', w.snapshot(), ...many, w.signer), ok({ config: w.config })),
    at('snapshot', 'the same signature twice', repeatSignature(w.sign('snapshot', w.snapshot())), ok({ config: w.config, signers: [w.signer.keyId] })),
    at('snapshot', 'signed by a revoked and by a good key', w.sign('snapshot', w.snapshot(), w.oldSigner, w.signer), ok({ config: w.config, signers: [w.signer.keyId] })),
    at('snapshot', 'issued in the first millisecond of the key', snapshotOf(42, w.config, { issuedAt: '2026-01-01T00:00:00Z' }), ok({ config: w.config })),
    at('snapshot', 'issued in the last millisecond of the key', snapshotOf(42, w.config, { issuedAt: '2027-01-01T00:00:00.000Z' }), ok({ config: w.config })),
    at('snapshot', 'pretty-printed payload: the bytes are signed, not their meaning', w.sign('snapshot', utf8(JSON.stringify(w.snapshot(), null, 2))), ok({ config: w.config })),
    at('schema', 'schema', w.sign('schema', w.schema()), ok()),
    at('epoch', 'statement', w.sign('epoch', w.statement()), ok()),
    at('epoch', 'degraded statement', w.sign('epoch', w.statement({
      status: 'degraded',
      held: [{ service: 'stt-worker', since: w.commitOf(44), code: 'HW_CONFIG_INVALID', pointer: '/vad_threshold' }, { service: '*', since: w.commitOf(44), code: 'HW_MASS_REMOVAL' }],
      heldTotal: 2,
    })), ok()),
    at('snapshot', 'tombstone on the snapshot topic', w.sign('tombstone', w.tombstone()), ok()),
    at('diff', 'tombstone on the diff topic', w.sign('tombstone', w.tombstone()), ok(), { held: w.held }),
    at('diff', 'snapshot on the diff topic', snapshotOf(43, w.nextConfig), ok({ config: w.nextConfig }), { held: w.held }),
  ];
}

function envelopes() {
  const good = snapshotOf(42);
  const end = good.indexOf(0x0a);
  const [header, payload] = [text(good.subarray(0, end)), good.subarray(end + 1)];
  const withHeader = (line, body = payload) => concatBytes(utf8(`${line}\n`), body);
  const fields = header.split(' ');
  const forged = toBase64Url(new Uint8Array(64).fill(7));
  return [
    at('snapshot', 'empty', new Uint8Array(), not('ignore', 'HW_MESSAGE_EMPTY')),
    at('snapshot', 'unsigned', withHeader('HW1 snapshot'), refuse('HW_SIGNATURE_MISSING')),
    at('snapshot', 'plain JSON', payload, refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'not Headwater at all', utf8('hello\n'), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'another magic', withHeader(header.replace('HW1', 'HW2')), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'unknown kind in the header', withHeader(header.replace('snapshot', 'rewind')), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'truncated signature', withHeader(header.slice(0, -2)), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'signature with padding', withHeader(`${header}==`), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'key id without signature', withHeader(fields.slice(0, 3).join(' ')), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'carriage return in the header', withHeader(`${header}\r`), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'five signatures', withHeader(`HW1 snapshot${` ${fields[2]} ${fields[3]}`.repeat(5)}`), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'header above 1 KiB', withHeader(`${header} ${'x'.repeat(1100)}`), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'forged signature', withHeader(`HW1 snapshot ${fields[2]} ${forged}`), refuse('HW_SIGNATURE_INVALID')),
    at('snapshot', 'one byte of the payload changed', withHeader(header, utf8(text(payload).replace('0.5', '0.9'))), refuse('HW_SIGNATURE_INVALID')),
    at('snapshot', 'a line end added behind the payload', concatBytes(good, utf8('\n')), refuse('HW_SIGNATURE_INVALID')),
    at('snapshot', 'cut in the payload', good.subarray(0, -1), refuse('HW_SIGNATURE_INVALID')),
    at('snapshot', 'S + L: the same signature in another form', malleable(good), refuse('HW_SIGNATURE_INVALID')),
    at('diff', 'a snapshot relabelled as diff in the header', withHeader(header.replace('snapshot', 'diff')), refuse('HW_SIGNATURE_INVALID')),
    at('diff', 'a snapshot signed as diff', w.sign('diff', w.snapshot()), refuse('HW_MESSAGE_KIND')),
    at('epoch', 'a snapshot on the epoch topic', good, refuse('HW_MESSAGE_KIND')),
    at('snapshot', 'a diff on the snapshot topic', w.sign('diff', w.diff()), refuse('HW_MESSAGE_KIND')),
    at('schema', 'a tombstone on the schema topic', w.sign('tombstone', w.tombstone()), refuse('HW_MESSAGE_KIND')),
    at('snapshot', 'keys on the snapshot topic', w.keysEnvelope(), refuse('HW_MESSAGE_KIND')),
  ];
}

function signerCases() {
  return [
    at('snapshot', 'unknown signer: kept, judged again when keys moves', w.sign('snapshot', w.snapshot(), w.stranger), refuse('HW_SIGNER_UNKNOWN')),
    at('snapshot', 'a root key does not sign config', w.sign('snapshot', w.snapshot(), w.root), refuse('HW_SIGNER_UNKNOWN')),
    at('snapshot', 'revoked signer', w.sign('snapshot', w.snapshot(), w.oldSigner), refuse('HW_SIGNER_REVOKED')),
    at('snapshot', 'issued before the key was valid', snapshotOf(42, w.config, { issuedAt: '2025-12-31T23:59:59.999Z' }), refuse('HW_SIGNER_EXPIRED')),
    at('snapshot', 'issued after the key was valid', snapshotOf(42, w.config, { issuedAt: '2027-01-01T00:00:00.001Z' }), refuse('HW_SIGNER_EXPIRED')),
    at('snapshot', 'a stranger under the key id of a signer', renamed(w.sign('snapshot', w.snapshot(), w.stranger)), refuse('HW_SIGNATURE_INVALID')),
  ];
}

function targets() {
  return [
    at('snapshot', 'another deployment', snapshotOf(42, w.config, { deployment: 'case' }), refuse('HW_MESSAGE_WRONG_TARGET')),
    at('snapshot', 'another environment', snapshotOf(42, w.config, { env: 'dev' }), refuse('HW_MESSAGE_WRONG_TARGET')),
    at('snapshot', 'another service', snapshotOf(42, w.config, { service: 'tts-worker' }), refuse('HW_MESSAGE_WRONG_TARGET')),
    at('schema', 'schema of another service', w.sign('schema', w.schema({ service: 'tts-worker' })), refuse('HW_MESSAGE_WRONG_TARGET')),
    at('epoch', 'statement of another environment', w.sign('epoch', w.statement({ env: 'dev' })), refuse('HW_MESSAGE_WRONG_TARGET')),
    at('diff', 'tombstone of another service', w.sign('tombstone', w.tombstone({ service: 'tts-worker' })), refuse('HW_MESSAGE_WRONG_TARGET')),
  ];
}

function payloads() {
  const raw = (change) => w.sign('snapshot', utf8(change(JSON.stringify(w.snapshot()))));
  const broken = (name, more, code = 'HW_MESSAGE_MALFORMED') => at('snapshot', name, snapshotOf(42, w.config, more), refuse(code));
  const statement = (name, more) => at('epoch', name, w.sign('epoch', w.statement(more)), refuse('HW_MESSAGE_MALFORMED'));
  const { config, digest, epoch, ...rest } = w.snapshot();
  return [
    at('snapshot', 'no JSON', w.sign('snapshot', utf8('config')), refuse('HW_JSON_SYNTAX')),
    at('snapshot', 'a list', w.sign('snapshot', utf8('[]')), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'an empty payload', w.sign('snapshot', new Uint8Array()), refuse('HW_JSON_SYNTAX')),
    at('snapshot', 'no UTF-8', w.sign('snapshot', Uint8Array.of(0x7b, 0xff, 0x7d)), refuse('HW_JSON_NOT_UTF8')),
    at('snapshot', 'a byte order mark', raw((t) => `\ufeff${t}`), refuse('HW_JSON_BOM')),
    at('snapshot', 'duplicate key', raw((t) => t.replace('"env"', '"env":"dev","env"')), refuse('HW_JSON_DUPLICATE_KEY')),
    at('snapshot', 'duplicate key in the config', raw((t) => t.replace('"rate"', '"rate":1,"rate"')), refuse('HW_JSON_DUPLICATE_KEY')),
    at('snapshot', 'unsafe integer in the config', raw((t) => t.replace('16000', '9007199254740993')), refuse('HW_JSON_UNSAFE_INTEGER')),
    at('snapshot', 'unsafe seq', raw((t) => t.replace('"seq":42', '"seq":9007199254740993')), refuse('HW_JSON_UNSAFE_INTEGER')),
    at('snapshot', '__proto__ in the config', raw((t) => t.replace('"rate"', '"__proto__"')), refuse('HW_JSON_FORBIDDEN_KEY')),
    at('snapshot', 'nested deeper than 64', raw((t) => t.replace('16000', '['.repeat(64) + ']'.repeat(64))), refuse('HW_JSON_DEPTH')),
    broken('version 2', { v: 2 }, 'HW_MESSAGE_VERSION'),
    broken('version "1"', { v: '1' }, 'HW_MESSAGE_VERSION'),
    broken('no version', { v: undefined }, 'HW_MESSAGE_VERSION'),
    broken('kind of the payload differs', { kind: 'tombstone' }, 'HW_MESSAGE_KIND'),
    at('snapshot', 'no config', w.sign('snapshot', { ...rest, epoch, digest }), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'no epoch', w.sign('snapshot', { ...rest, config, digest }), refuse('HW_MESSAGE_MALFORMED')),
    at('snapshot', 'no digest', w.sign('snapshot', { ...rest, config, epoch }), refuse('HW_MESSAGE_MALFORMED')),
    broken('no issuedAt', { issuedAt: undefined }),
    broken('issuedAt without zone', { issuedAt: '2026-11-21T10:05:00' }),
    broken('issuedAt with an offset', { issuedAt: '2026-11-21T10:05:00+00:00' }),
    broken('issuedAt on 30 February', { issuedAt: '2026-02-30T00:00:00Z' }),
    broken('issuedAt at 24 o’clock', { issuedAt: '2026-02-01T24:00:00Z' }),
    broken('issuedAt as a number', { issuedAt: 1763719500 }),
    broken('short commit id', { epoch: { era: 1, seq: 42, commit: '9f3c2e1' } }),
    broken('seq 0', { epoch: { ...w.epochOf(42), seq: 0 } }),
    broken('seq 1.5', { epoch: { ...w.epochOf(42), seq: 1.5 } }),
    broken('seq as text', { epoch: { ...w.epochOf(42), seq: '42' } }),
    broken('era 0', { epoch: w.epochOf(42, 0) }),
    broken('an epoch with more fields', { epoch: { ...w.epochOf(42), more: 1 } }),
    broken('digest without algorithm', { digest: 'a'.repeat(64) }),
    broken('digest in upper case', { digest: `sha256:${'A'.repeat(64)}` }),
    broken('config is a list', { config: [] }),
    broken('config is null', { config: null }),
    broken('secrets "unchanged" in a snapshot', { secrets: 'unchanged' }),
    broken('secrets without rev', { secrets: { recipients: [], sealed: null } }),
    broken('secrets in plain text', { secrets: { rev: w.sealed.rev, recipients: [], sealed: { password: 'x' } } }),
    broken('a service name that is none', { service: '../stt-worker' }),
    broken('a reserved environment', { env: 'all' }),
    broken('request id with a space', { requestId: 'a b' }),
    at('snapshot', 'digest of another config', snapshotOf(42, w.config, { digest: digestOf(w.nextConfig, nodeCrypto) }), refuse('HW_DIGEST_MISMATCH')),
    statement('17 recent epochs', { recent: Array.from({ length: 17 }, (_, i) => ({ seq: 43 - i, commit: w.commitOf(43 - i), services: '*' })) }),
    statement('11 held services', { held: Array.from({ length: 11 }, () => ({ service: '*', since: w.commitOf(44), code: 'HW_CONFIG_INVALID' })) }),
    statement('an unknown status', { status: 'fine' }),
    statement('a name that is none in recent', { recent: [{ seq: 43, commit: w.commitOf(43), services: { '../x': 43 } }] }),
    statement('seq 0 in recent', { recent: [{ seq: 43, commit: w.commitOf(43), services: { 'stt-worker': 0 } }] }),
    statement('no expiry', { expiresAt: undefined }),
    statement('a negative total', { heldTotal: -1 }),
    at('schema', 'a schema that is no object', w.sign('schema', w.schema({ document: true })), refuse('HW_MESSAGE_MALFORMED')),
    at('diff', 'an operation without value', w.sign('diff', w.diff({ ops: [{ op: 'add', path: '/a' }] })), refuse('HW_MESSAGE_MALFORMED'), { held: w.held }),
    at('diff', 'a move operation', w.sign('diff', w.diff({ ops: [{ op: 'move', from: '/a', path: '/b' }] })), refuse('HW_MESSAGE_MALFORMED'), { held: w.held }),
    at('diff', 'no base', w.sign('diff', w.diff({ base: undefined })), refuse('HW_MESSAGE_MALFORMED'), { held: w.held }),
  ];
}

function marks() {
  const held = { held: w.held };
  const other = { ...w.config, vad_threshold: 0.7 };
  return [
    at('snapshot', 'a newer snapshot', snapshotOf(43, w.nextConfig), ok({ config: w.nextConfig }), held),
    at('snapshot', 'a newer epoch with the same config: taken, no change event', snapshotOf(50), ok({ config: w.config, changed: false }), held),
    at('snapshot', 'seq far ahead', snapshotOf(1000, w.nextConfig), ok({ config: w.nextConfig }), held),
    at('snapshot', 'a new era with a lower seq', snapshotOf(7, w.nextConfig, { epoch: w.epochOf(7, 2) }), ok({ config: w.nextConfig }), held),
    at('snapshot', 'the very same again', snapshotOf(42), not('ignore', null), held),
    at('snapshot', 'the same content signed again later', snapshotOf(42, w.config, { issuedAt: '2026-11-22T00:00:00Z' }), not('ignore', null), held),
    at('snapshot', 'rollback', snapshotOf(41, other), not('ignore', 'HW_ROLLBACK'), held),
    at('snapshot', 'rollback with a later issuedAt', snapshotOf(41, other, { issuedAt: '2026-12-24T00:00:00Z' }), not('ignore', 'HW_ROLLBACK'), held),
    at('snapshot', 'an older era with a higher seq', snapshotOf(900, other), not('ignore', 'HW_ROLLBACK'), { held: { ...w.held, epoch: w.epochOf(42, 2) } }),
    at('diff', 'an old diff', w.sign('diff', w.diff({ epoch: w.epochOf(41), base: w.epochOf(40) })), not('ignore', 'HW_ROLLBACK'), held),
    at('snapshot', 'an old tombstone', w.sign('tombstone', w.tombstone({ epoch: w.epochOf(41) })), not('ignore', 'HW_ROLLBACK'), held),
    at('snapshot', 'equivocation: another commit at this place', snapshotOf(42, w.config, { epoch: { ...w.epochOf(42), commit: w.commitOf(4242) } }), refuse('HW_EQUIVOCATION'), held),
    at('snapshot', 'equivocation: another config', snapshotOf(42, other), refuse('HW_EQUIVOCATION'), held),
    at('snapshot', 'equivocation: another schema', snapshotOf(42, w.config, { schema: `sha256:${'0'.repeat(64)}` }), refuse('HW_EQUIVOCATION'), held),
    at('snapshot', 'equivocation: other secrets', snapshotOf(42, w.config, { secrets: w.sealed }), refuse('HW_EQUIVOCATION'), held),
    at('snapshot', 'other bytes of the same secrets: replicas seal anew', snapshotOf(42, w.config, { secrets: { ...w.sealed, sealed: 'other bytes' } }), not('ignore', null), { held: { ...w.held, secretsRev: w.sealed.rev } }),
    at('snapshot', 'a tombstone', w.sign('tombstone', w.tombstone()), ok({ removed: true }), held),
    at('snapshot', 'a snapshot after a tombstone revives', snapshotOf(45, w.nextConfig), ok({ config: w.nextConfig }), { held: { ...w.held, epoch: w.epochOf(44), removed: true } }),
    at('snapshot', 'a snapshot older than the tombstone does not revive', snapshotOf(43, w.nextConfig), not('ignore', 'HW_ROLLBACK'), { held: { ...w.held, epoch: w.epochOf(44), removed: true } }),
  ];
}

function diffs() {
  const held = { held: w.held };
  const diff = (name, more, expect, extra = held) => at('diff', name, w.sign('diff', w.diff(more)), expect, extra);
  const fetch = (code) => not('fetch', code);
  return [
    diff('a diff on the base it names', {}, ok({ config: w.nextConfig })),
    diff('a diff with sealed secrets', { secrets: w.sealed }, ok({ config: w.nextConfig, secretsRev: w.sealed.rev })),
    diff('secrets unchanged', { secrets: 'unchanged' }, ok({ config: w.nextConfig, secretsRev: w.sealed.rev }), { held: { ...w.held, secretsRev: w.sealed.rev } }),
    diff('a diff without operations moves the epoch', { ops: [], digest: w.held.digest }, ok({ config: w.config, changed: false })),
    diff('a diff and nothing held', {}, fetch('HW_PATCH_BASE'), { held: null }),
    diff('the base is newer than what is held', {}, fetch('HW_PATCH_BASE'), { held: { ...w.held, epoch: w.epochOf(41) } }),
    diff('the base has another commit', { base: { ...w.epochOf(42), commit: w.commitOf(4242) } }, fetch('HW_PATCH_BASE')),
    diff('the base has another digest', { baseDigest: `sha256:${'0'.repeat(64)}` }, fetch('HW_PATCH_BASE')),
    diff('the base is of another era', { base: w.epochOf(42, 2), epoch: w.epochOf(43, 2) }, fetch('HW_PATCH_BASE')),
    diff('the result has another digest', { digest: `sha256:${'0'.repeat(64)}` }, fetch('HW_DIGEST_MISMATCH')),
    diff('a path that is not there', { ops: [{ op: 'replace', path: '/missing', value: 1 }] }, fetch('HW_PATCH_INVALID')),
    diff('a path through __proto__', { ops: [{ op: 'add', path: '/__proto__/polluted', value: true }] }, fetch('HW_PATCH_INVALID')),
    diff('a path through constructor', { ops: [{ op: 'add', path: '/constructor/prototype/polluted', value: true }] }, fetch('HW_PATCH_INVALID')),
    diff('an index of 2^31', { ops: [{ op: 'add', path: '/words/2147483648', value: 'x' }] }, fetch('HW_PATCH_INVALID')),
    diff('a result that is no object', { ops: [{ op: 'replace', path: '', value: [] }], digest: digestOf([], nodeCrypto) }, fetch('HW_PATCH_INVALID')),
    diff('the diff to what is held already', {}, not('ignore', null), {
      held: { ...w.held, epoch: w.epochOf(43), digest: digestOf(w.nextConfig, nodeCrypto), config: w.nextConfig },
    }),
  ];
}

function statements() {
  const heldStatement = { epoch: w.epochOf(43), issuedAt: '2026-11-21T10:05:00.250Z' };
  const one = (name, more, expect) => at('epoch', name, w.sign('epoch', w.statement(more)), expect, { heldStatement });
  return [
    one('signed anew', { issuedAt: '2026-11-21T10:05:30.250Z' }, ok()),
    one('a newer epoch, though issued earlier', { epoch: w.epochOf(44), issuedAt: '2026-11-21T10:04:00Z' }, ok()),
    one('a new era', { epoch: w.epochOf(1, 2) }, ok()),
    one('the environment is removed', { epoch: w.epochOf(44), status: 'removed' }, ok()),
    one('the same again', {}, not('ignore', null)),
    one('an older one of the same epoch', { issuedAt: '2026-11-21T10:04:30.250Z' }, not('ignore', 'HW_ROLLBACK')),
    one('an older epoch, though issued later', { epoch: w.epochOf(42), issuedAt: '2026-11-21T11:00:00Z' }, not('ignore', 'HW_ROLLBACK')),
    one('equivocation: a statement of another commit at this place', { epoch: { ...w.epochOf(43), commit: w.commitOf(4343) }, issuedAt: '2026-11-21T10:06:00Z' }, refuse('HW_EQUIVOCATION')),
  ];
}

const text = (bytes) => new TextDecoder().decode(bytes);

function repeatSignature(bytes) {
  const end = bytes.indexOf(0x0a);
  const [magic, kind, keyId, signature] = text(bytes.subarray(0, end)).split(' ');
  return concatBytes(utf8(`${magic} ${kind} ${keyId} ${signature} ${keyId} ${signature}\n`), bytes.subarray(end + 1));
}

function renamed(bytes) {
  return concatBytes(utf8(text(bytes.subarray(0, 13)) + w.signer.keyId), bytes.subarray(13 + 16));
}

function malleable(bytes) {
  const { signatures, payload } = parseEnvelope(bytes);
  const [{ keyId, signature }] = signatures;
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`) + order;
  const other = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  const line = `HW1 snapshot ${keyId} ${toBase64Url(concatBytes(signature.slice(0, 32), other))}\n`;
  return concatBytes(utf8(line), payload);
}
