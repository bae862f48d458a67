/** signatures.json: raw Ed25519 verdicts, and the envelope around them. */
import * as ed from '@noble/ed25519';
import {
  concatBytes,
  encodePae,
  fromHex,
  fromUtf8,
  parseEnvelope,
  toBase64Url,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import '@headwater/schemas/protocol/noble';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { sign, signer, snapshot, statement, testKey, tombstone } from './world.mjs';

export const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const eighth = ed.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');

export const littleEndian = (value) => fromHex(value.toString(16).padStart(64, '0')).reverse();
export const numberOf = (bytes) => BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);

/** Signed with the right key, but R carries a point of order 8: the equation holds only after multiplying by 8. */
export function torsionSignature(key, message) {
  const { scalar } = ed.utils.getExtendedPublicKey(Uint8Array.from(key.seed));
  const nonce = 123_456_789n;
  const r = ed.Point.BASE.multiply(nonce).add(eighth).toBytes();
  const k = numberOf(ed.hash(concatBytes(r, Uint8Array.from(key.publicKey), message))) % order;
  return concatBytes(r, littleEndian((nonce + k * scalar) % order));
}

/** RFC 8032 §7.1, TEST 1 to 3: seed, public key, message, signature. */
export const rfc8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
];

/** Public keys that must be refused when a key is loaded, and why. */
export const weakKeys = [
  ['0100000000000000000000000000000000000000000000000000000000000000', 'order 1, the identity'],
  ['0100000000000000000000000000000000000000000000000000000000000080', 'the identity with the sign bit set'],
  ['ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'order 2'],
  ['0000000000000000000000000000000000000000000000000000000000000000', 'order 4'],
  ['0000000000000000000000000000000000000000000000000000000000000080', 'order 4'],
  ['26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'order 8'],
  ['26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85', 'order 8'],
  ['c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'order 8'],
  ['c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa', 'order 8'],
  ['edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'not canonical: y = p'],
  ['eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', 'not canonical: y = p + 1, sign bit set'],
  ['ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f', 'not canonical: y = 2^255 - 1'],
];

export function makeSignatures() {
  const key = testKey('signatures');
  const message = utf8('{"v":1}');
  const good = nodeCrypto.sign(message, key.seed);
  const [r, s] = [good.subarray(0, 32), good.subarray(32)];
  const flipped = Uint8Array.from(good, (byte, i) => (i === 5 ? byte ^ 1 : byte));
  const identity = fromHex(weakKeys[0][0]);
  const zero = new Uint8Array(32);
  const offCurve = fromHex('02'.padEnd(64, '0'));
  const one = (name, signature, valid, bytes = message, publicKey = key.publicKey) => ({
    name,
    publicKey: toHex(publicKey),
    message: toHex(bytes),
    signature: toHex(signature),
    valid,
  });
  return {
    about: 'Ed25519 over DSSE PAE. TEST KEYS ONLY. See README.md.',
    ed25519: [
      ...rfc8032.map(([seed, publicKey, text, signature], i) => ({
        name: `RFC 8032 TEST ${i + 1}`,
        seed,
        publicKey,
        message: text,
        signature,
        valid: true,
      })),
      { ...one('a test key', good, true), seed: toHex(key.seed) },
      one('one bit of R flipped', flipped, false),
      one('another message', good, false, utf8('{"v":2}')),
      one('another key', good, false, message, testKey('other').publicKey),
      one('truncated by one byte', good.subarray(0, 63), false),
      one('one byte too long', concatBytes(good, Uint8Array.of(0)), false),
      one('empty', new Uint8Array(), false),
      one('S + L', concatBytes(r, littleEndian(numberOf(s) + order)), false),
      one('S = L', concatBytes(r, littleEndian(order)), false),
      one('all bits set', new Uint8Array(64).fill(0xff), false),
      one('key of order 1, R the identity, S = 0: fits every message', concatBytes(identity, zero), false, message, identity),
      one('key y = p + 1, not canonical', concatBytes(identity, zero), false, message, fromHex('ee'.padEnd(62, 'f') + '7f')),
      one('R not canonical', concatBytes(fromHex('ee'.padEnd(62, 'f') + '7f'), s), false),
      one('key not on the curve', good, false, message, offCurve),
      one('R with a part of order 8: fits only an equation with cofactor', torsionSignature(key, message), false),
    ],
    refusedKeys: weakKeys.map(([publicKey, reason]) => ({ publicKey, reason })),
    keyIds: [signer, key].map(({ hex, keyId }) => ({ publicKey: hex, keyId })),
    envelopes: [
      ['snapshot', snapshot()],
      ['epoch', statement()],
      ['tombstone', tombstone()],
    ].map(([kind, payload]) => {
      const envelope = parseEnvelope(sign(kind, payload, signer));
      return {
        kind,
        seed: toHex(signer.seed),
        keyId: signer.keyId,
        payload: fromUtf8(envelope.payload),
        pae: fromUtf8(encodePae(kind, envelope.payload)),
        signature: toBase64Url(envelope.signatures[0].signature),
        envelope: fromUtf8(envelope.bytes),
      };
    }),
  };
}
