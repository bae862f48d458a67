/** keys.json: key lists one after the other, and who is trusted after each. Expectations are written by hand. */
import { concatBytes, utf8 } from '@headwater/schemas/protocol';
import * as w from './world.mjs';

const [r1, r2, r3, r4] = [1, 2, 3, 4].map((n) => w.testKey(`root ${n}`));
const thief = w.testKey('thief');

/** A keys envelope of a version with these roots, signed by these keys. */
const list = (version, roots, signedBy, more = {}) =>
  w.keysEnvelope({ version, roots: roots.map((key) => key.hex), ...more }, ...signedBy);
const previous = (...envelopes) => ({ previous: envelopes.map(w.asText) });

const accept = (version, ...roots) => ({ verdict: 'accept', code: null, version, roots: roots.map((key) => key.hex) });
const refuse = (code) => ({ verdict: 'refuse', code });
const step = (envelope, expect) => ({ envelope: w.base64(envelope), expect });
const chain = (name, roots, ...steps) => ({
  name,
  trust: { roots: roots.map((key) => key.hex), deployment: 'tars', version: 0 },
  steps,
});

// Three changes of the root; what stands in `previous` carries no `previous` itself.
const v1 = list(1, [r1], [r1]);
const v2 = list(2, [r2], [r1]);
const v4 = list(4, [r3], [r2]);
const v6 = list(6, [r4], [r3]);
const v7 = list(7, [r4], [r4], previous(v2, v4, v6));

export function makeKeys() {
  return {
    about: 'Chains of keys messages, judged one after the other: an accepted one replaces trust. TEST KEYS ONLY.',
    chains: [
      chain('first list', [r1], step(v1, accept(1, r1))),
      chain('a higher version', [r1], step(v1, accept(1, r1)), step(list(5, [r1], [r1]), accept(5, r1))),
      chain('the same again says nothing new', [r1], step(v1, accept(1, r1)), step(v1, accept(1, r1))),
      chain('the root changes, step by step', [r1], step(v1, accept(1, r1)), step(v2, accept(2, r2)), step(v4, accept(4, r3)), step(v6, accept(6, r4)), step(v7, accept(7, r4))),
      chain('a client that slept through three changes of the root', [r1], step(v1, accept(1, r1)), step(v7, accept(7, r4))),
      chain('a client enrolled between two changes', [r3], step(v7, accept(7, r4))),
      chain('a client enrolled after all of them', [r4], step(v7, accept(7, r4))),
      chain('two roots, either may sign', [r1, r2], step(list(1, [r1, r2], [r2]), accept(1, r1, r2)), step(list(2, [r1, r2], [r1]), accept(2, r1, r2))),
      chain('old and new root sign together', [r1], step(list(2, [r2], [r1, r2]), accept(2, r2))),
      chain('no signer at all is a list too', [r1], step(list(1, [r1], [r1], { signers: [] }), accept(1, r1))),
      chain('the same signature twice', [r1], step(twice(v1), accept(1, r1))),
      chain('the same signature twice of a stranger', [r1], step(twice(list(1, [thief], [thief])), refuse('HW_SIGNER_UNKNOWN'))),
      chain('not signed by a trusted root', [r1], step(list(1, [r1], [thief]), refuse('HW_SIGNER_UNKNOWN'))),
      chain('signed by its own root only', [r1], step(list(9, [thief], [thief]), refuse('HW_SIGNER_UNKNOWN'))),
      chain('signed by a signing key', [r1], step(v1, accept(1, r1)), step(list(2, [r1], [w.signer]), refuse('HW_SIGNER_UNKNOWN'))),
      chain('rollback', [r1], step(list(5, [r1], [r1]), accept(5, r1)), step(list(4, [r1], [r1]), refuse('HW_ROLLBACK'))),
      chain('a root that was dropped signs again', [r1], step(v1, accept(1, r1)), step(v2, accept(2, r2)), step(list(3, [r1], [r1]), refuse('HW_SIGNER_UNKNOWN'))),
      chain('an old list in previous does not bring a dropped root back', [r1, r2],
        step(list(3, [r1, r2], [r1, r2]), accept(3, r1, r2)),
        step(list(4, [r2], [r1, r2]), accept(4, r2)),
        step(list(9, [r1], [r1], previous(list(3, [r1, r2], [r1, r2]))), refuse('HW_SIGNER_UNKNOWN'))),
      chain('a list in previous of a version that is not below the message', [r1], step(list(3, [r2], [r2], previous(list(3, [r2], [r1]))), refuse('HW_SIGNER_UNKNOWN'))),
      chain('previous in the wrong order', [r1], step(list(7, [r4], [r4], previous(v6, v4, v2)), refuse('HW_SIGNER_UNKNOWN'))),
      chain('previous with a gap', [r1], step(list(7, [r4], [r4], previous(v2, v6)), refuse('HW_SIGNER_UNKNOWN'))),
      chain('a forged link in previous', [r1], step(list(7, [thief], [thief], previous(list(2, [thief], [thief]))), refuse('HW_SIGNER_UNKNOWN'))),
      chain('a link of another deployment', [r1], step(list(7, [r2], [r2], previous(list(2, [r2], [r1], { deployment: 'case' }))), refuse('HW_SIGNER_UNKNOWN'))),
      chain('a link that is no message', [r1], step(list(7, [r1], [r1], { previous: ['hello'] }), refuse('HW_MESSAGE_MALFORMED'))),
      chain('another deployment', [r1], step(list(1, [r1], [r1], { deployment: 'case' }), refuse('HW_MESSAGE_WRONG_TARGET'))),
      chain('a snapshot in place of keys', [r1], step(w.sign('snapshot', w.snapshot(), r1), refuse('HW_MESSAGE_KIND'))),
      chain('a small-order root', [r1], step(list(1, [{ hex: `01${'0'.repeat(62)}` }], [r1]), refuse('HW_KEY_INVALID'))),
      chain('a small-order signer', [r1], step(list(1, [r1], [r1], { signers: [{ ...w.signers[0], key: `01${'0'.repeat(62)}` }] }), refuse('HW_KEY_INVALID'))),
      chain('a signer listed twice, once revoked', [r1], step(list(1, [r1], [r1], { signers: [w.signers[1], { ...w.signers[1], revoked: undefined }] }), refuse('HW_KEY_INVALID'))),
      chain('a root as signer', [r1], step(list(1, [r1], [r1], { signers: [{ ...w.signers[0], key: r1.hex }] }), refuse('HW_KEY_INVALID'))),
      chain('no roots', [r1], step(list(1, [], [r1]), refuse('HW_MESSAGE_MALFORMED'))),
      chain('version 0', [r1], step(list(0, [r1], [r1]), refuse('HW_MESSAGE_MALFORMED'))),
      chain('a key that is no hex', [r1], step(list(1, [r1], [r1], { signers: [{ ...w.signers[0], key: 'x' }] }), refuse('HW_MESSAGE_MALFORMED'))),
      chain('a signer without notBefore', [r1], step(list(1, [r1], [r1], { signers: [{ key: w.signer.hex }] }), refuse('HW_MESSAGE_MALFORMED'))),
      chain('cut', [r1], step(v1.slice(0, -1), refuse('HW_JSON_SYNTAX'))),
      chain('empty', [r1], step(new Uint8Array(), refuse('HW_MESSAGE_EMPTY'))),
      chain('nobody is trusted', [], step(v1, refuse('HW_SIGNER_UNKNOWN'))),
    ],
  };
}

function twice(bytes) {
  const end = bytes.indexOf(0x0a);
  const [magic, kind, keyId, signature] = new TextDecoder().decode(bytes.subarray(0, end)).split(' ');
  return concatBytes(utf8(`${magic} ${kind} ${keyId} ${signature} ${keyId} ${signature}\n`), bytes.subarray(end + 1));
}
