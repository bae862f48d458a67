import { openKeys, signEnvelope, signingKeyOf, toHex, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { beforeEach, expect, test } from 'vitest';
import { type ApprovalDecision, type Approvals, createApprovals } from './approvals.ts';
import type { EpochEngine } from './epochs/epoch-engine.ts';
import { createPolicyWorld, type PolicyWorld, policySettings } from './epochs/testing/policy-world.ts';
import { schemaFile } from './epochs/testing.ts';
import type { CommitId } from './ports.ts';

const root = signingKeyOf(new Uint8Array(32).fill(1), nodeCrypto);
const key = signingKeyOf(new Uint8Array(32).fill(2), nodeCrypto);
const keyring = (() => {
  const issuedAt = '2026-11-01T00:00:00Z';
  const roots = [toHex(root.publicKey)];
  const signers = [{ key: toHex(key.publicKey), notBefore: issuedAt }];
  const payload = { v: 1, kind: 'keys', deployment: 'tars', version: 1, issuedAt, roots, signers };
  const bytes = signEnvelope('keys', utf8(JSON.stringify(payload)), [root], nodeCrypto);
  return openKeys(bytes, { roots, deployment: 'tars', version: 0 }, nodeCrypto);
})();

const files = {
  'headwater.json': policySettings({ protected: ['prod'] }),
  'schemas/a.schema.json': schemaFile,
  'services/a/config.json': '{"value":"1"}',
};
const change = { 'services/a/config.json': '{"value":"2"}' };
const proposal: ApprovalDecision = {
  kind: 'proposal',
  id: '7',
  approvers: [{ id: 'ann', role: 'approver' }],
};
const glass: ApprovalDecision = {
  kind: 'break-glass',
  id: 'x',
  actor: { id: 'ann', role: 'operator' },
  reason: 'It burns.',
};

let world: PolicyWorld;
let first: CommitId;
let engine: EpochEngine;
let approvals: Approvals;
beforeEach(async () => {
  world = createPolicyWorld();
  first = world.commit({ parents: [], set: files });
  approvals = createApprovals({
    ...{ deployment: 'tars', signer: () => key, keyring: () => keyring, crypto: nodeCrypto },
    engine: () => engine,
    publishedSeq: () => 0,
    clock: { now: () => Date.parse('2026-11-21T10:00:00Z'), monotonic: () => 0 },
  });
  engine = world.engine({ approvals: approvals.check });
  await engine.start(first);
});

const treeOf = (set: Record<string, string>, parent = first) =>
  world.git.treeOf(world.commit({ parents: [parent], set }));

test.each([proposal, glass])('a commit with the approval of a daemon goes live ($kind)', async (decision) => {
  const [name, value] = approvals.approve(decision, { parent: first, tree: treeOf(change) });
  const approved = world.commit({ parents: [first], set: change, message: `Two\n\n${name}: ${value}` });
  await engine.moveTo(approved);
  expect(engine.environments.get('prod')?.epoch?.commit).toBe(approved);
});

test('nothing is approved on another commit than the one that is followed', async () => {
  const next = world.commit({ parents: [first], set: { 'README.md': 'x' } });
  await engine.moveTo(next);
  expect(() => approvals.approve(proposal, { parent: first, tree: treeOf(change) })).toThrow(
    expect.objectContaining({ code: 'HW_REF_MOVED' }),
  );
});

test('nothing is approved on top of what waits for an approval itself', async () => {
  const held = world.commit({ parents: [first], set: change });
  await engine.moveTo(held);
  expect(() =>
    approvals.approve(proposal, { parent: held, tree: treeOf({ 'README.md': 'x' }, held) }),
  ).toThrow(
    expect.objectContaining({
      code: 'HW_UNAPPROVED',
      message: expect.stringContaining('nothing can be approved'),
    }),
  );
});
