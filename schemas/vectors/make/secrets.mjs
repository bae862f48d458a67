/** secrets.json: the `secrets` field of a message, who tries to open it, and what comes of it. Expectations are written by hand. */
import { recipientIdOf, toHex, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { greaseStanza, scryptStanza, seal, testIdentity } from './age.mjs';
import { target } from './world.mjs';

const own = testIdentity('stt-worker');
const next = testIdentity('stt-worker, after rotation');
const other = testIdentity('tts-worker');
const identities = [own, next, other];

const rev = toHex(nodeCrypto.sha256(utf8('secrets 1')));
const values = { '/openai_api_key': 'not a real key', '/mqtt/password': 'päss wörd 🔑' };
const bundle = (more = {}) => JSON.stringify({ ...target, rev, values, pad: ' '.repeat(64), ...more });

/** One case. `sealed` is made of its name, so every case has bytes of its own. */
function one(name, { text = bundle(), to = [own], armor = (sealed) => sealed, ...how }, expect, by = [own]) {
  const sealed = armor(seal(name, text, to, how));
  return at(name, { rev, recipients: [...new Set(to)].map(({ recipient }) => recipient), sealed }, expect, by);
}
const at = (name, secrets, expect, by = [own]) => ({ name, secrets, identities: by.map((one) => one.name), expect });
const idOf = ({ recipient }) => recipientIdOf(recipient, nodeCrypto);
const open = (more = {}) => ({ verdict: 'open', code: null, values, recipient: idOf(own), ...more });
const unavailable = (reason) => ({ verdict: 'unavailable', code: 'HW_SECRET_UNAVAILABLE', reason });
const foreign = { verdict: 'refuse', code: 'HW_SECRETS_FOREIGN' };

export function makeSecrets() {
  return {
    about: 'What a client of prod/stt-worker makes of sealed secrets. TEST KEYS ONLY. See README.md.',
    target,
    identities: identities.map(({ publicKey, ...rest }) => ({ ...rest, id: idOf(rest) })),
    cases: [...opened(), ...moved(), ...unopened(), ...broken()],
  };
}

function opened() {
  return [
    one('sealed for this service', {}, open()),
    one('sealed for two keys, ours is the second', { to: [next, own] }, open()),
    one('two identities, the second opens it', {}, open(), [next, own]),
    one('rotation: two keys and both identities', { to: [own, next] }, open(), [own, next]),
    one('after the rotation only the new key', { to: [next] }, open({ recipient: idOf(next) }), [own, next]),
    one('no values', { text: bundle({ values: {} }) }, open({ values: {} })),
    one('a field that this version does not know', { text: bundle({ later: 1 }) }, open()),
    one('pretty-printed', { text: JSON.stringify(JSON.parse(bundle()), null, 2) }, open()),
    one('a stanza of an unknown kind comes first', { before: greaseStanza }, open()),
    one('armor with CRLF', { armor: (sealed) => sealed.replaceAll('\n', '\r\n') }, open()),
    one('as many keys as are allowed', { to: [...Array(255).fill(other), own] }, open()),
  ];
}

function moved() {
  return ['deployment', 'env', 'service'].map((field) =>
    one(`of another ${field}`, { text: bundle({ [field]: 'elsewhere' }) }, foreign),
  ).concat(
    one('of another revision', { text: bundle({ rev: '0'.repeat(64) }) }, foreign),
    one('without a revision', { text: bundle({ rev: undefined }) }, foreign),
  );
}

function unopened() {
  return [
    one('sealed for another service', { to: [other] }, unavailable('other-recipient')),
    one('this service has no identity', {}, unavailable('no-identity'), []),
    at('nobody to seal for', { rev, recipients: [], sealed: null }, unavailable('no-recipient')),
    // What the message says of recipients proves nothing.
    at('another key, though the message names ours', { ...one('named, not meant', { to: [other] }, null).secrets, recipients: [own.recipient] }, unavailable('other-recipient')),
  ];
}

function broken() {
  const damaged = unavailable('damaged');
  const cut = (lines) => (sealed) => sealed.split('\n').slice(0, lines).join('\n');
  const flip = (at) => (bytes) => Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)));
  const content = (name, text) => one(name, { text }, damaged);
  return [
    one('armor cut short', { armor: cut(6) }, damaged),
    one('armor without its last line', { armor: (sealed) => sealed.replace(/-----END.*\n/, '') }, damaged),
    one('a line of armor missing', { armor: (sealed) => sealed.split('\n').filter((_, i) => i !== 4).join('\n') }, damaged),
    one('text behind the armor', { armor: (sealed) => `${sealed}more\n` }, damaged),
    at('no armor at all', { rev, recipients: [own.recipient], sealed: 'hello' }, damaged),
    at('nothing', { rev, recipients: [own.recipient], sealed: '' }, damaged),
    one('header MAC changed', { mac: flip(0) }, damaged),
    one('payload changed', { payload: flip(20) }, damaged),
    one('payload cut short', { payload: (bytes) => bytes.subarray(0, -1) }, damaged),
    one('payload missing', { payload: () => Buffer.alloc(0) }, damaged),
    one('sealed with a passphrase', { to: [], before: scryptStanza('alone') }, damaged),
    one('a passphrase beside our key', { before: scryptStanza('beside') }, damaged),
    one('one key more than allowed', { to: [...Array(256).fill(other), own] }, damaged),
    one('a thousand stanzas', { to: [...Array(999).fill(other), own] }, damaged),
    content('no JSON', 'hello'),
    content('no object', '[]'),
    content('a duplicate key', bundle().replace('{', '{"pad":"",')),
    content('no values field', bundle({ values: undefined })),
    content('values that are a list', bundle({ values: ['x'] })),
    content('an empty value', bundle({ values: { '/a': '' } })),
    content('a value that is no text', bundle({ values: { '/a': 5 } })),
    content('a name that is no pointer', bundle({ values: { a: 'x' } })),
    content('the pointer of the whole document', bundle({ values: { '': 'x' } })),
    content('a pointer through a prototype', bundle({ values: { '/__proto__/polluted': 'x' } })),
    content('no padding field', bundle({ pad: undefined })),
  ];
}
