/** lkg.json: last-known-good files, whole and damaged. Expectations are written by hand. */
import { concatBytes, digestOf, encodeLkg, toHex, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import * as w from './world.mjs';

const header = (more = {}) => ({ ...w.target, epoch: w.epochOf(42), savedAt: '2026-11-21T10:05:01Z', ...more });
const file = (parts, more = {}, key = w.hmacKey) =>
  encodeLkg(header(more), new Map(Object.entries(parts)), key, nodeCrypto);

const envelope = w.sign('snapshot', w.snapshot());
const diffEnvelope = w.sign('diff', w.diff());
const document = w.json(w.nextConfig);
const at43 = { epoch: w.epochOf(43) };
const carrier = w.sign('snapshot', w.snapshot({ secrets: w.sealed }));
const resealed = { ...w.sealed, sealed: w.sealed.sealed.replace('not a real one', 'nor is this one') };
const unchanged = w.sign('diff', w.diff({ secrets: 'unchanged' }));
const schemaEnvelope = w.sign('schema', w.schema());

/** A whole file, for tests that damage it. */
export const wholeLkg = file({ envelope: unchanged, document, secrets: carrier, schema: schemaEnvelope }, at43);

const use = (seq, config, more = {}) => ({
  verdict: 'use',
  code: null,
  sealed: true,
  epoch: w.epochOf(seq),
  digest: digestOf(config, nodeCrypto),
  config,
  secretsRev: null,
  signers: [w.signer.keyId],
  ...more,
});
const refuse = (code) => ({ verdict: 'quarantine', code });
const one = (name, bytes, expect, more = {}) => ({ name, ...more, file: w.base64(bytes), expect });

export function makeLkg() {
  const good = file({ envelope });
  const text = (change) => utf8(change(new TextDecoder().decode(good)));
  const unsealed = { sealed: false };
  return {
    about: 'LKG files as a client of prod/stt-worker finds them. TEST KEYS ONLY. See README.md.',
    target: w.target,
    trust: { roots: [w.root.hex] },
    keys: w.base64(w.keysEnvelope()),
    hmacKey: toHex(w.hmacKey),
    cases: [
      one('a snapshot', good, use(42, w.config)),
      one('a diff and its document', file({ envelope: diffEnvelope, document }, at43), use(43, w.nextConfig)),
      one('a diff, its document, earlier secrets and the schema', wholeLkg, use(43, w.nextConfig, { secretsRev: w.sealed.rev })),
      one('a snapshot beside the bundle that was opened: another replica sealed the same revision', file({ envelope: w.sign('snapshot', w.snapshot({ epoch: w.epochOf(43), secrets: resealed })), secrets: carrier }, at43), use(43, w.config, { secretsRev: w.sealed.rev })),
      one('a document written with other white space and key order', file({ envelope: diffEnvelope, document: utf8(JSON.stringify(Object.fromEntries(Object.entries(w.nextConfig).reverse()), null, 2)) }, at43), use(43, w.nextConfig)),
      one('a schema that the envelope does not name is left aside', file({ envelope: w.sign('snapshot', w.snapshot({ schema: `sha256:${'0'.repeat(64)}` })), schema: schemaEnvelope }), use(42, w.config)),
      one('signed by a key revoked since: used, raises no mark', file({ envelope: w.sign('snapshot', w.snapshot(), w.oldSigner) }), use(42, w.config, { signers: [] })),
      one('another HMAC key, everything else good', file({ envelope }, {}, new Uint8Array(32)), use(42, w.config, unsealed)),
      one('the HMAC is no base64url', text((t) => t.replace(/^HWLKG1 ./, 'HWLKG1 !')), use(42, w.config, unsealed)),
      one('savedAt changed', text((t) => t.replace('10:05:01Z', '10:05:02Z')), use(42, w.config, unsealed)),
      one('the mark is lower: a crash between the two writes', good, use(42, w.config), { mark: w.epochOf(41) }),
      one('the mark is equal', good, use(42, w.config), { mark: w.epochOf(42) }),
      one('the mark is higher: rollback', good, refuse('HW_LKG_ROLLBACK'), { mark: w.epochOf(43) }),
      one('the mark is of a later era: rollback', good, refuse('HW_LKG_ROLLBACK'), { mark: w.epochOf(1, 2) }),
      one('empty', new Uint8Array(), refuse('HW_LKG_CORRUPT')),
      one('another magic', text((t) => t.replace('HWLKG1', 'HWLKG2')), refuse('HW_LKG_CORRUPT')),
      one('cut in the first line', good.slice(0, 30), refuse('HW_LKG_CORRUPT')),
      one('cut in the second line', good.slice(0, 90), refuse('HW_LKG_CORRUPT')),
      one('cut in the envelope', good.slice(0, -1), refuse('HW_LKG_CORRUPT')),
      one('something behind the end', concatBytes(good, utf8('\n')), refuse('HW_LKG_CORRUPT')),
      one('a part with a negative length', text((t) => t.replace(/"bytes":\d+/, '"bytes":-1')), refuse('HW_LKG_CORRUPT')),
      one('a part of unknown name', text((t) => t.replace('"name":"envelope"', '"name":"envelopf"')), refuse('HW_LKG_CORRUPT')),
      one('no envelope', file({ document }), refuse('HW_LKG_CORRUPT')),
      one('a diff without its document', file({ envelope: diffEnvelope }, at43), refuse('HW_LKG_CORRUPT')),
      one('unchanged secrets without the envelope that carried them', file({ envelope: unchanged, document }, at43), refuse('HW_LKG_CORRUPT')),
      one('secrets of a newer epoch than the config', file({ envelope: unchanged, document, secrets: w.sign('snapshot', w.snapshot({ epoch: w.epochOf(44), secrets: w.sealed })) }, at43), refuse('HW_LKG_CORRUPT')),
      one('secrets of another revision than the config', file({ envelope: w.sign('snapshot', w.snapshot({ epoch: w.epochOf(43), secrets: { ...resealed, rev: '0'.repeat(64) } })), secrets: carrier }, at43), refuse('HW_LKG_CORRUPT')),
      one('the header names another epoch than the envelope', file({ envelope }, at43), refuse('HW_LKG_CORRUPT')),
      one('a document that is not the signed one', file({ envelope: diffEnvelope, document: w.json(w.config) }, at43), refuse('HW_DIGEST_MISMATCH')),
      one('a document with a duplicate key', file({ envelope: diffEnvelope, document: utf8(JSON.stringify(w.nextConfig).replace('{', '{"vad_threshold":0.1,')) }, at43), refuse('HW_JSON_DUPLICATE_KEY')),
      one('a snapshot whose config is not the signed one', file({ envelope: w.sign('snapshot', w.snapshot({ digest: digestOf(w.nextConfig, nodeCrypto) })) }), refuse('HW_DIGEST_MISMATCH')),
      one('a bad signature under a good HMAC', file({ envelope: flipped(envelope) }), refuse('HW_SIGNATURE_INVALID')),
      one('signed by a stranger', file({ envelope: w.sign('snapshot', w.snapshot(), w.stranger) }), refuse('HW_SIGNER_UNKNOWN')),
      one('a tombstone as envelope', file({ envelope: w.sign('tombstone', w.tombstone({ epoch: w.epochOf(42) })) }), refuse('HW_MESSAGE_KIND')),
      one('the file of another service', file({ envelope: w.sign('snapshot', w.snapshot({ service: 'tts-worker' })) }, { service: 'tts-worker' }), refuse('HW_LKG_WRONG_TARGET')),
      one('the envelope of another service under our header', file({ envelope: w.sign('snapshot', w.snapshot({ service: 'tts-worker' })) }), refuse('HW_MESSAGE_WRONG_TARGET')),
      one('a bad signature of the schema part', file({ envelope, schema: flipped(schemaEnvelope) }), refuse('HW_SIGNATURE_INVALID')),
    ],
  };
}

/** One letter of the signature changed for another. */
function flipped(bytes) {
  const copy = Uint8Array.from(bytes);
  copy[50] = copy[50] === 0x41 ? 0x42 : 0x41;
  return copy;
}
