import { describe, expect, test } from 'vitest';
import { type Approval, isByAdmin, openApproval, readUnverifiedApproval, signApproval } from './approval.ts';
import { fromBase64Url, toBase64Url, toHex, utf8 } from './bytes.ts';
import { encodePae, signEnvelope } from './envelope.ts';
import { type Keyring, openKeys } from './keyring.ts';
import { nobleCrypto } from './noble.ts';
import { nodeCrypto } from './node.ts';
import { keyIdOf, signingKeyOf } from './signature.ts';

const root = signingKeyOf(new Uint8Array(32).fill(1), nodeCrypto);
const key = signingKeyOf(new Uint8Array(32).fill(2), nodeCrypto);
const stranger = signingKeyOf(new Uint8Array(32).fill(3), nodeCrypto);

const change = { deployment: 'tars', parent: 'a1'.repeat(20), tree: 'b2'.repeat(20) };
const proposal: Approval = {
  v: 1,
  kind: 'proposal',
  ...change,
  id: '17',
  issuedAt: '2026-11-21T10:00:00Z',
  approvers: [{ id: 'ann@example.org', role: 'approver' }],
};
const glass: Approval = {
  v: 1,
  kind: 'break-glass',
  ...change,
  id: 'bg-3',
  issuedAt: '2026-11-21T10:00:00Z',
  actor: { id: 'token:abc', role: 'admin' },
  reason: 'The robots stand still.',
};

function keyring(signer: object = {}): Keyring {
  const payload = {
    v: 1,
    kind: 'keys',
    deployment: 'tars',
    version: 1,
    issuedAt: '2026-11-01T00:00:00Z',
    roots: [toHex(root.publicKey)],
    signers: [{ key: toHex(key.publicKey), notBefore: '2026-11-01T00:00:00Z', ...signer }],
  };
  const bytes = signEnvelope('keys', utf8(JSON.stringify(payload)), [root], nodeCrypto);
  return openKeys(bytes, { roots: payload.roots, deployment: 'tars', version: 0 }, nodeCrypto);
}

const codeOf = (open: () => unknown) => {
  try {
    open();
    return 'opened';
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

test.each([nodeCrypto, nobleCrypto])(
  'what is signed is opened ($name), and is one line of plain text',
  (crypto) => {
    for (const approval of [proposal, glass]) {
      const text = signApproval(approval, key, crypto);
      expect(text).toMatch(/^[0-9a-f]{16} [\w-]+ [\w-]+$/);
      expect(openApproval(text, change, keyring(), crypto)).toEqual({
        approval,
        keyId: keyIdOf(key.publicKey, crypto),
        isRevoked: false,
      });
    }
  },
);

test('it fits one change on one base in one deployment', () => {
  const text = signApproval(proposal, key, nodeCrypto);
  for (const other of [
    { ...change, parent: 'c3'.repeat(20) },
    { ...change, tree: 'c3'.repeat(20) },
    { ...change, deployment: 'case' },
  ])
    expect(codeOf(() => openApproval(text, other, keyring(), nodeCrypto))).toBe('HW_MESSAGE_WRONG_TARGET');
});

test('only a key of the deployment counts, and only while it was valid', () => {
  const open = (text: string, ring: Keyring) => () => openApproval(text, change, ring, nodeCrypto);
  expect(codeOf(open(signApproval(proposal, stranger, nodeCrypto), keyring()))).toBe('HW_SIGNER_UNKNOWN');
  expect(codeOf(open(signApproval(proposal, root, nodeCrypto), keyring()))).toBe('HW_SIGNER_UNKNOWN');
  const text = signApproval(proposal, key, nodeCrypto);
  expect(codeOf(open(text, keyring({ notAfter: '2026-11-20T00:00:00Z' })))).toBe('HW_SIGNER_EXPIRED');
  expect(codeOf(open(text, keyring({ notAfter: proposal.issuedAt })))).toBe('opened');
  expect(open(text, keyring({ revoked: '2026-11-22T00:00:00Z' }))().isRevoked).toBe(true);
});

test('no byte of it can be changed', () => {
  const text = signApproval(proposal, key, nodeCrypto);
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'A' ? 'B' : 'A';
    const changed = text.slice(0, at) + other + text.slice(at + 1);
    expect(
      codeOf(() => openApproval(changed, change, keyring(), nodeCrypto)),
      `at ${at}`,
    ).not.toBe('opened');
    expect(codeOf(() => openApproval(text.slice(0, at), change, keyring(), nodeCrypto))).not.toBe('opened');
  }
});

test('a message signed by the same key is no approval', () => {
  const payload = utf8(JSON.stringify(proposal));
  const asMessage = nodeCrypto.sign(encodePae('epoch', payload), key.seed);
  const text = [keyIdOf(key.publicKey, nodeCrypto), toBase64Url(asMessage), toBase64Url(payload)].join(' ');
  expect(codeOf(() => openApproval(text, change, keyring(), nodeCrypto))).toBe('HW_SIGNATURE_INVALID');
});

describe('its fields', () => {
  const sign = (approval: object) => codeOf(() => signApproval(approval as Approval, key, nodeCrypto));

  test.each([
    ['no approver', { ...proposal, approvers: [] }],
    ['an approver without a role', { ...proposal, approvers: [{ id: 'ann' }] }],
    ['an editor as approver', { ...proposal, approvers: [{ id: 'ann', role: 'editor' }] }],
    ['very many approvers', { ...proposal, approvers: Array(51).fill(proposal.approvers[0]) }],
    ['a broken glass without a reason', { ...glass, reason: ' ' }],
    ['a broken glass without an actor', { ...glass, actor: undefined }],
    ['another kind', { ...proposal, kind: 'vote' }],
    ['a short commit', { ...proposal, parent: 'a1a1a1a' }],
    ['no tree', { ...proposal, tree: undefined }],
    ['no id', { ...proposal, id: '' }],
    ['a time that is none', { ...proposal, issuedAt: '2026-02-30T00:00:00Z' }],
  ])('%s is refused', (_, approval) => expect(sign(approval)).toBe('HW_MESSAGE_MALFORMED'));

  test('another version is told apart', () => expect(sign({ ...proposal, v: 2 })).toBe('HW_MESSAGE_VERSION'));

  test('a reason that makes it too long is refused before it is committed', () => {
    const approvers = Array.from({ length: 50 }, (_, i) => ({ id: `${i}`.padEnd(200, 'ä'), role: 'admin' }));
    expect(sign({ ...proposal, approvers })).toBe('HW_MESSAGE_TOO_LARGE');
  });
});

test('text that is none is refused', () => {
  const text = signApproval(proposal, key, nodeCrypto);
  const [id, signature, payload] = text.split(' ') as [string, string, string];
  for (const bad of [
    '',
    'yes',
    `${text} x`,
    ` ${text}`,
    `${id} ${signature}`,
    `${id} ${signature} `,
    `${id} ${payload} ${payload}`,
  ])
    expect(
      codeOf(() => openApproval(bad, change, keyring(), nodeCrypto)),
      bad,
    ).toBe('HW_MESSAGE_MALFORMED');
  expect(codeOf(() => openApproval(`${text}${'A'.repeat(20_000)}`, change, keyring(), nodeCrypto))).toBe(
    'HW_MESSAGE_MALFORMED',
  );
  expect(fromBase64Url(payload)).not.toBeNull();
});

test('without keys an approval can be read, not trusted: only its target is judged', () => {
  const text = signApproval(glass, stranger, nodeCrypto);
  expect(readUnverifiedApproval(text, change)).toEqual(glass);
  const other = { ...change, tree: 'c3'.repeat(20) };
  expect(codeOf(() => readUnverifiedApproval(text, other))).toBe('HW_MESSAGE_WRONG_TARGET');
  expect(codeOf(() => readUnverifiedApproval('x y z', change))).toBe('HW_MESSAGE_MALFORMED');
});

test('an admin is one of the approvers, or the actor', () => {
  expect(isByAdmin(proposal)).toBe(false);
  expect(
    isByAdmin({
      ...proposal,
      approvers: [
        { id: 'a', role: 'approver' },
        { id: 'b', role: 'admin' },
      ],
    }),
  ).toBe(true);
  expect(isByAdmin(glass)).toBe(true);
  expect(isByAdmin({ ...glass, actor: { id: 'a', role: 'operator' } })).toBe(false);
});
