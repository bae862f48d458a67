/** Signed commits, protected environments and approvals: what goes live and what waits. Spec: docs/protocol.md §10.1. */
import { describe, expect, test } from 'vitest';
import type { CommitId } from '../ports.ts';
import type { EpochEngine } from './epoch-engine.ts';
import {
  createPolicyWorld,
  type PolicyCommit,
  type PolicyWorld,
  policySettings,
  signersFile,
} from './testing/policy-world.ts';
import { schemaFile } from './testing.ts';

const files = {
  'schemas/a.schema.json': schemaFile,
  'services/a/config.json': '{"value":"1"}',
};

/** A branch that an engine follows commit by commit. */
async function follow(first: Record<string, unknown>, more: Record<string, string> = {}) {
  const world: PolicyWorld = createPolicyWorld();
  const set = {
    'headwater.json': policySettings(first),
    allowed_signers: signersFile('ann'),
    ...files,
    ...more,
  };
  const line = [world.commit({ parents: [], set })];
  const engine = world.engine();
  await engine.start(line[0] as CommitId);
  return {
    world,
    engine,
    line,
    get tip() {
      return line.at(-1) as CommitId;
    },
    /** Adds a commit; the engine follows it, and so must one that starts there. */
    async commit(spec: Omit<PolicyCommit, 'parents'>): Promise<CommitId> {
      const commit = world.commit({ ...spec, parents: [line.at(-1) as CommitId] });
      line.push(commit);
      await engine.moveTo(commit);
      const fresh = world.engine();
      await fresh.start(commit);
      for (const [env, track] of engine.environments) {
        expect(fresh.environments.get(env)?.epoch).toEqual(track.epoch);
        expect(fresh.environments.get(env)?.held).toEqual(track.held);
      }
      return commit;
    },
  };
}

const codes = (engine: EpochEngine, env: string) =>
  engine.environments.get(env)?.held.map(({ service, finding }) => `${service} ${finding.code}`);
const epoch = (engine: EpochEngine, env: string) => engine.environments.get(env)?.epoch?.commit;
const value = (n: number | string) => `{"value":"${n}"}`;
const changeA = { set: { 'services/a/config.json': value(2) } };

describe('signed commits', () => {
  test('an unverified commit is published nowhere, and one signed on top of it publishes both', async () => {
    const branch = await follow({ signedCommits: 'require' });
    const { engine, line } = branch;
    const unsigned = await branch.commit(changeA);
    for (const env of ['dev', 'prod']) {
      expect(epoch(engine, env)).toBe(line[0]);
      expect(codes(engine, env)).toEqual(['* HW_COMMIT_UNSIGNED']);
    }
    expect(engine.environments.get('dev')?.held[0]?.finding.hint).toContain('commit.gpgsign');
    await branch.commit({ set: { 'README.md': 'x' }, signedBy: 'eve' });
    expect(codes(engine, 'dev')).toEqual(['* HW_COMMIT_SIGNATURE']);
    const signed = await branch.commit({ set: { 'README.md': 'y' }, signedBy: 'ann' });
    expect(epoch(engine, 'prod')).toBe(signed);
    expect(engine.environments.get('prod')?.live.get('a')?.epoch.commit).toBe(unsigned);
    expect(codes(engine, 'prod')).toEqual([]);
  });

  test('nobody signs away the need for a signature without one', async () => {
    const branch = await follow({ signedCommits: 'require' });
    await branch.commit({ set: { 'headwater.json': policySettings(), allowed_signers: signersFile('eve') } });
    await branch.commit({ ...changeA, signedBy: 'eve' });
    expect(codes(branch.engine, 'dev')).toEqual(['* HW_COMMIT_SIGNATURE']);
    expect(branch.engine.policy.signedCommits).toBe('require');
    // Whoever may sign takes over what stands there.
    await branch.commit({ set: { 'README.md': 'x' }, signedBy: 'ann' });
    expect(branch.engine.policy.signedCommits).toBe('off');
    expect(codes(branch.engine, 'dev')).toEqual([]);
  });

  test('a new signer counts from the commit after the one that lists them', async () => {
    const branch = await follow({ signedCommits: 'require' });
    await branch.commit({ set: { allowed_signers: signersFile('ann', 'bob') }, signedBy: 'bob' });
    expect(codes(branch.engine, 'dev')).toEqual(['* HW_COMMIT_SIGNATURE']);
    await branch.commit({ set: { allowed_signers: signersFile('bob') }, signedBy: 'ann' });
    expect(codes(branch.engine, 'dev')).toEqual([]);
    await branch.commit({ ...changeA, signedBy: 'ann' });
    expect(codes(branch.engine, 'dev')).toEqual(['* HW_COMMIT_SIGNATURE']);
    await branch.commit({ set: { 'README.md': 'x' }, signedBy: 'bob' });
    expect(codes(branch.engine, 'dev')).toEqual([]);
  });

  test('a warning holds nothing and is told', async () => {
    const branch = await follow({ signedCommits: 'warn' });
    const commit = await branch.commit(changeA);
    expect(epoch(branch.engine, 'prod')).toBe(commit);
    expect(branch.engine.warnings).toMatchObject([
      { place: { commit }, finding: { severity: 'warning', code: 'HW_COMMIT_UNSIGNED' } },
    ]);
    await branch.commit({ set: { 'README.md': 'x' }, signedBy: 'ann' });
    expect(branch.engine.warnings).toHaveLength(1);
  });

  test('a demand that nobody could meet is not taken over', async () => {
    const branch = await follow({ signedCommits: 'off' });
    await branch.commit({
      set: { 'headwater.json': policySettings({ signedCommits: 'require' }), allowed_signers: '# soon\n' },
    });
    expect(codes(branch.engine, 'dev')).toEqual(['* HW_SIGNERS_NONE']);
    const mended = await branch.commit({ set: { allowed_signers: signersFile('ann') } });
    expect(epoch(branch.engine, 'dev')).toBe(mended);
    expect(branch.engine.policy.signedCommits).toBe('require');
  });

  test('an unverified commit neither adds nor removes an environment, nor changes how one is judged', async () => {
    const branch = await follow({ signedCommits: 'require' });
    await branch.commit({
      set: {
        'headwater.json': policySettings({
          environments: ['dev', 'new'],
          atomicity: 'service',
          signedCommits: 'require',
        }),
      },
    });
    expect(epoch(branch.engine, 'prod')).toBe(branch.line[0]);
    expect(epoch(branch.engine, 'new')).toBeUndefined();
    expect(branch.engine.environments.get('dev')?.mode).toBe('environment');
    const signed = await branch.commit({ set: { 'README.md': 'x' }, signedBy: 'ann' });
    expect([...branch.engine.environments.keys()].sort()).toEqual(['dev', 'new']);
    expect(branch.engine.goneFrom('prod').get('a')?.commit).toBe(branch.line[1]);
    expect(epoch(branch.engine, 'new')).toBe(signed);
  });
});

describe('protected environments', () => {
  test('a change waits there for an approval, and goes live elsewhere', async () => {
    const branch = await follow({ protected: ['prod'] });
    const { engine } = branch;
    const change = await branch.commit(changeA);
    expect(epoch(engine, 'dev')).toBe(change);
    expect(epoch(engine, 'prod')).toBe(branch.line[0]);
    expect(codes(engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
    expect(engine.environments.get('prod')?.held[0]?.finding.message).toContain('a changed without approval');
    expect(engine.approvalObstacle?.code).toBe('HW_UNAPPROVED');
    const back = await branch.commit({ set: { 'services/a/config.json': value(1) } });
    expect(epoch(engine, 'prod')).toBe(back);
    expect(engine.approvalObstacle).toBeNull();
    const approved = await branch.commit({ ...changeA, approval: {} });
    expect(epoch(engine, 'prod')).toBe(approved);
    expect(codes(engine, 'prod')).toEqual([]);
  });

  test('what touches nothing there needs no approval', async () => {
    const branch = await follow({ protected: ['prod'] });
    const commit = await branch.commit({ set: { 'services/a/config.dev.json': value(7), 'README.md': 'x' } });
    expect(epoch(branch.engine, 'prod')).toBe(commit);
    expect(epoch(branch.engine, 'dev')).toBe(commit);
  });

  test('an approval fits one change, on one base, by a daemon of the deployment', async () => {
    for (const approval of [
      { ofOther: 'tree' },
      { ofOther: 'parent' },
      { ofOther: 'deployment' },
      { key: 'stranger' },
      { key: 'revoked' },
    ] as const) {
      const branch = await follow({ protected: ['prod'] });
      await branch.commit({ ...changeA, approval });
      expect(codes(branch.engine, 'prod'), JSON.stringify(approval)).toEqual(['* HW_UNAPPROVED']);
    }
    const branch = await follow({ protected: ['prod'] });
    await branch.commit({ ...changeA, approval: { key: 'stranger' } });
    expect(branch.engine.environments.get('prod')?.held[0]?.finding.message).toContain(
      'no key of this deployment',
    );
  });

  test('whoever breaks the glass approves alone', async () => {
    const branch = await follow({ protected: ['prod'] });
    const commit = await branch.commit({ ...changeA, approval: { kind: 'break-glass', role: 'operator' } });
    expect(epoch(branch.engine, 'prod')).toBe(commit);
  });

  test('what was published under a key stays approved when the key is revoked, and nothing more is', async () => {
    const branch = await follow({ protected: ['prod'] });
    branch.world.published.set('prod', 2);
    const published = await branch.commit({ ...changeA, approval: { key: 'revoked' } });
    await branch.commit({ set: { 'services/a/config.json': value(3) }, approval: { key: 'revoked' } });
    expect(epoch(branch.engine, 'prod')).toBe(published);
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
  });

  test('the commit that brings the protection is the first approved one', async () => {
    const branch = await follow({});
    const commit = await branch.commit({
      set: { ...changeA.set, 'headwater.json': policySettings({ protected: ['prod'] }) },
    });
    expect(epoch(branch.engine, 'prod')).toBe(commit);
    await branch.commit({ set: { 'services/a/config.json': value(1) } });
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
  });

  test('who may open secrets is part of it', async () => {
    const branch = await follow({ protected: ['prod'] });
    await branch.commit({ set: { '.sops.yaml': 'creation_rules: []\n' } });
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
    expect(codes(branch.engine, 'dev')).toEqual([]);
  });

  test('a service that leaves by its schema is a change, too', async () => {
    const branch = await follow({ protected: ['prod'] });
    await branch.commit({
      set: { 'schemas/a.schema.json': '{"type":"object","x-hw":{"environments":["dev"]}}' },
    });
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
    expect(branch.engine.environments.get('prod')?.live.has('a')).toBe(true);
  });

  test('with review by the forge its branch protection is the approval', async () => {
    const branch = await follow({ protected: ['prod'], review: 'forge' });
    const commit = await branch.commit(changeA);
    expect(epoch(branch.engine, 'prod')).toBe(commit);
    await branch.commit({ set: { 'headwater.json': policySettings() } });
    expect(branch.engine.policy.protected).toEqual([]);
  });

  test('an approval of a commit whose signature does not count approves nothing', async () => {
    const branch = await follow({ protected: ['prod'], signedCommits: 'require' });
    await branch.commit({ ...changeA, signedBy: 'eve', approval: { role: 'admin' } });
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_COMMIT_SIGNATURE']);
    await branch.commit({ set: { 'README.md': 'x' }, signedBy: 'ann' });
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
    expect(codes(branch.engine, 'dev')).toEqual([]);
  });
});

describe('a change of policy', () => {
  const open = { set: { 'headwater.json': policySettings() } };

  test('is in force only from a commit that an admin approved', async () => {
    const branch = await follow({ protected: ['prod'] });
    await branch.commit(open);
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
    await branch.commit(changeA);
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
    expect(branch.engine.policy.protected).toEqual(['prod']);
  });

  test('an approver who is no admin cannot make one', async () => {
    const branch = await follow({ protected: ['prod'] });
    await branch.commit({ ...open, approval: { role: 'approver' } });
    expect(codes(branch.engine, 'prod')).toEqual(['* HW_UNAPPROVED']);
    expect(branch.engine.environments.get('prod')?.held[0]?.finding.message).toContain(
      'without the approval of an admin',
    );
    expect(branch.engine.policy.protected).toEqual(['prod']);
  });

  test('an admin can', async () => {
    const branch = await follow({ protected: ['prod'] });
    const commit = await branch.commit({ ...open, approval: { role: 'admin' } });
    expect(epoch(branch.engine, 'prod')).toBe(commit);
    const next = await branch.commit(changeA);
    expect(epoch(branch.engine, 'prod')).toBe(next);
  });

  test('every part of it counts', async () => {
    for (const set of [
      { allowed_signers: signersFile('ann', 'eve') },
      { 'headwater.json': policySettings({ protected: ['prod'], review: 'forge' }) },
      { 'headwater.json': policySettings({ protected: ['prod'], signedCommits: 'warn' }) },
      { 'headwater.json': policySettings({ protected: ['dev', 'prod'] }) },
    ]) {
      const branch = await follow({ protected: ['prod'] });
      await branch.commit({ set });
      expect(codes(branch.engine, 'prod'), JSON.stringify(set)).toEqual(['* HW_UNAPPROVED']);
    }
  });
});

describe('an environment that extends a protected one', () => {
  const environments = ['dev', 'prod', { name: 'robot', extends: 'prod' }];
  const protectedTree = { protected: ['prod'], environments };

  test('is protected, too', async () => {
    const branch = await follow(protectedTree);
    await branch.commit({ set: { 'services/a/config.robot.json': value(9) } });
    expect(codes(branch.engine, 'robot')).toEqual(['* HW_UNAPPROVED']);
    expect(codes(branch.engine, 'prod')).toEqual([]);
  });

  test('does not slip out by extending another one, nor by being taken out and put in again', async () => {
    const branch = await follow(protectedTree);
    const { engine } = branch;
    const alone = policySettings({ protected: ['prod'], environments: ['dev', 'prod', 'robot'] });
    await branch.commit({ set: { 'headwater.json': alone, 'services/a/config.robot.json': value(9) } });
    expect(codes(engine, 'robot')).toEqual(['* HW_UNAPPROVED']);
    expect(codes(engine, 'prod')).toEqual([]);
    await branch.commit({ set: { 'headwater.json': policySettings({ protected: ['prod'] }) } });
    expect(epoch(engine, 'robot')).toBe(branch.line[0]);
    await branch.commit({ set: { 'headwater.json': alone } });
    expect(codes(engine, 'robot')).toEqual(['* HW_UNAPPROVED']);
    expect(epoch(engine, 'robot')).toBe(branch.line[0]);
  });

  test('leaves with the approval of an admin, not of another approver', async () => {
    const branch = await follow(protectedTree);
    const without = { set: { 'headwater.json': policySettings({ protected: ['prod'] }) } };
    await branch.commit({ ...without, approval: { role: 'approver' } });
    expect(codes(branch.engine, 'robot')).toEqual(['* HW_UNAPPROVED']);
    await branch.commit({ set: { 'headwater.json': policySettings(protectedTree) } });
    expect(codes(branch.engine, 'robot')).toEqual([]);
    const gone = await branch.commit({ ...without, approval: { role: 'admin' } });
    expect(branch.engine.environments.has('robot')).toBe(false);
    expect(branch.engine.goneFrom('robot').get('a')?.commit).toBe(gone);
  });

  test('is never valid when nobody approved that it exists', async () => {
    const branch = await follow({ protected: ['prod'] });
    await branch.commit({ set: { 'headwater.json': policySettings(protectedTree) } });
    expect(epoch(branch.engine, 'robot')).toBeUndefined();
    expect(codes(branch.engine, 'robot')).toEqual(['* HW_UNAPPROVED']);
    expect(codes(branch.engine, 'prod')).toEqual([]);
    await branch.commit({ set: { 'headwater.json': policySettings({ protected: ['prod'] }) } });
    const approved = await branch.commit({
      set: { 'headwater.json': policySettings(protectedTree) },
      approval: {},
    });
    expect(epoch(branch.engine, 'robot')).toBe(approved);
    expect(branch.engine.policy.covered.has('robot')).toBe(true);
  });
});

test('a cold start after a long wait for an approval looks for its beginning once', async () => {
  const branch = await follow({ protected: ['prod'] });
  const { world, line } = branch;
  const add = (n: number, approval?: PolicyCommit['approval']) => {
    const path = `services/a/config${approval ? '' : '.dev'}.json`;
    const spec = { parents: [line.at(-1) as CommitId], set: { [path]: value(n) } };
    line.push(world.commit({ ...spec, ...(approval ? { approval } : {}) }));
  };
  for (let i = 0; i < 10; i++) add(i, {});
  line.push(world.commit({ parents: [branch.tip], set: { 'services/a/config.prod.json': value(99) } }));
  for (let i = 0; i < 40; i++) add(100 + i);
  const created: unknown[] = [];
  const createIndex = () => {
    created.push(null);
    return world.deps.createIndex();
  };
  const engine = world.engine({ createIndex, recent: 4 });
  await engine.start(branch.tip);
  expect(epoch(engine, 'prod')).toBe(line[10]);
  expect(engine.environments.get('prod')?.recent.map(({ commit }) => commit)).toEqual(
    line.slice(7, 11).reverse(),
  );
  // Policies, the walk back, and twice the history behind where it led.
  expect(created).toHaveLength(4);
});

test('where nothing is asked, no commit is read for its signature', async () => {
  const branch = await follow({});
  const { world } = branch;
  let reads = 0;
  const reader = {
    ...world.git.reader,
    readRawCommit: (id: CommitId) => {
      reads++;
      return world.git.reader.readRawCommit(id);
    },
  };
  await branch.commit(changeA);
  const engine = world.engine({ reader });
  await engine.start(branch.line[0] as CommitId);
  await engine.moveTo(branch.tip);
  expect(reads).toBe(0);
});

test('a past that cannot be read cuts the list of newest commits short, and nothing else', async () => {
  const branch = await follow({});
  const { world, engine } = branch;
  const bad = await branch.commit({ set: { 'services/a/config.json': value('lost') } });
  const lost = (await world.git.reader.listFiles(bad)).find(({ path }) => path === 'services/a/config.json');
  const mended = await branch.commit({ set: { 'services/a/config.json': value(3) } });
  world.git.forget(lost?.oid as string);
  const fresh = world.engine();
  await fresh.start(mended);
  expect(epoch(fresh, 'prod')).toBe(epoch(engine, 'prod'));
  expect(fresh.environments.get('prod')?.recent).toEqual([{ commit: mended, seq: 3, services: '*' }]);
});
