/** Histories of a config repository as people make them: edits, merges, holds, reverts, moved folders, other environments, policies, approvals. */
import fc from 'fast-check';
import type { CommitId } from '../../ports.ts';
import { schemaFile } from '../testing.ts';
import { type PolicyCommit, type PolicyWorld, policySettings, signersFile } from './policy-world.ts';

/** Every environment that a generated history may declare. */
export const everyEnv: readonly string[] = ['dev', 'prod', 'robot'];

type Files = Readonly<Record<string, string>>;

interface Edit {
  readonly path: string;
  /** `null` removes the file. */
  readonly content: string | null;
}

export interface HistoryStep {
  readonly edits: readonly Edit[];
  /** Takes back the files of an earlier commit, counted from here. */
  readonly revert: number | null;
  /** Commits of the line that it merges into an older one: the line goes on from there, and they are beside it (a foxtrot). */
  readonly foxtrot: number;
  /** Lengths of side branches that are merged in: none, one, or an octopus. */
  readonly sides: readonly number[];
  readonly signedBy: NonNullable<PolicyCommit['signedBy']> | null;
  readonly approval: NonNullable<PolicyCommit['approval']> | null;
  readonly allowsRemoval: boolean;
}

const value = fc.constantFrom(
  '{"value":"1"}',
  '{"value":"2"}',
  '{"value":"bad"}',
  '{"log_level":"info"}',
  null,
);

const configEdit: fc.Arbitrary<Edit[]> = fc
  .record({
    path: fc.constantFrom(
      'services/a/config.json',
      'services/a/config.dev.json',
      'services/b/config.json',
      'services/b/config.prod.json',
      'services/shared.json',
      'services/shared.robot.json',
      'services/group/c/config.json',
    ),
    content: value,
  })
  .map((edit) => [edit]);

const secretsEdit: fc.Arbitrary<Edit[]> = fc
  .record({
    path: fc.constantFrom(
      'services/a/secrets.json',
      'services/b/secrets.prod.json',
      'services/b/recipients.txt',
    ),
    content: fc.constantFrom('{}', '{"x":1}', null),
  })
  .map((edit) => [edit]);

const schemaEdit: fc.Arbitrary<Edit[]> = fc
  .record({
    path: fc.constantFrom('schemas/a.schema.json', 'schemas/b.schema.json', 'schemas/c.schema.json'),
    content: fc.constantFrom(
      schemaFile,
      '{"type":"object"}',
      '{"type":"object","x-hw":{"environments":["prod"]}}',
      null,
    ),
  })
  .map((edit) => [edit]);

/** The folder of a service, here or there. */
const moveEdit: fc.Arbitrary<Edit[]> = fc.boolean().map((isGrouped) => [
  { path: 'services/a/config.json', content: isGrouped ? null : '{"value":"1"}' },
  { path: 'services/group/a/config.json', content: isGrouped ? '{"value":"1"}' : null },
]);

const environmentLists: readonly (readonly (string | { name: string; extends: string })[])[] = [
  ['dev', 'prod'],
  ['dev', 'prod', { name: 'robot', extends: 'prod' }],
  ['dev', 'prod', { name: 'robot', extends: 'dev' }],
  [{ name: 'dev', extends: 'prod' }, 'prod'],
  ['prod', 'robot'],
  ['dev'],
];

const settingsEdit: fc.Arbitrary<Edit[]> = fc
  .record({
    environments: fc.constantFrom(...environmentLists),
    protected: fc.constantFrom([], [], ['prod'], ['prod'], ['dev', 'prod']),
    review: fc.constantFrom('headwater', 'headwater', 'headwater', 'forge'),
    signedCommits: fc.constantFrom('off', 'off', 'warn', 'require'),
    atomicity: fc.constantFrom('environment', 'environment', 'service'),
    deployment: fc.constantFrom('tars', 'tars', 'tars', 'tars', 'tars', 'case'),
    isBroken: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  })
  .map(({ isBroken, ...fields }) => {
    const names = fields.environments.map((entry) => (typeof entry === 'string' ? entry : entry.name));
    const listed = fields.protected.filter((env) => names.some((name) => name === env));
    const content = isBroken ? '{' : policySettings({ ...fields, protected: listed });
    return [{ path: 'headwater.json', content }];
  });

const signersEdit: fc.Arbitrary<Edit[]> = fc
  .constantFrom(signersFile('ann'), signersFile('ann', 'bob'), signersFile('bob'), '# nobody\n', null)
  .map((content) => [{ path: 'allowed_signers', content }]);

const sopsEdit: fc.Arbitrary<Edit[]> = fc
  .constantFrom('creation_rules: []\n', 'creation_rules:\n', null)
  .map((content) => [{ path: '.sops.yaml', content }]);

const noteEdit: fc.Arbitrary<Edit[]> = fc.nat(3).map((n) => [{ path: 'README.md', content: `${n}` }]);

/** Seven services more or less at once: a case for the removal guard, and for "*". */
const manyEdit: fc.Arbitrary<Edit[]> = fc.boolean().map((isThere) =>
  Array.from({ length: 7 }, (_, i): Edit[] => [
    { path: `services/many/m${i}/config.json`, content: isThere ? '{}' : null },
    { path: `schemas/m${i}.schema.json`, content: isThere ? schemaFile : null },
  ]).flat(),
);

const step: fc.Arbitrary<HistoryStep> = fc.record({
  edits: fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: configEdit },
        { weight: 1, arbitrary: secretsEdit },
        { weight: 1, arbitrary: schemaEdit },
        { weight: 1, arbitrary: moveEdit },
        { weight: 3, arbitrary: settingsEdit },
        { weight: 1, arbitrary: signersEdit },
        { weight: 1, arbitrary: sopsEdit },
        { weight: 2, arbitrary: noteEdit },
        { weight: 1, arbitrary: manyEdit },
      ),
      { maxLength: 3 },
    )
    .map((edits) => edits.flat()),
  revert: fc.option(fc.integer({ min: 1, max: 6 }), { freq: 7, nil: null }),
  foxtrot: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2),
  sides: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }) },
  ),
  signedBy: fc.constantFrom('ann', 'ann', 'bob', 'eve', null),
  approval: fc.option(
    fc.record({
      key: fc.constantFrom('daemon', 'daemon', 'daemon', 'revoked', 'stranger'),
      role: fc.constantFrom('approver', 'admin', 'admin'),
      kind: fc.constantFrom('proposal', 'break-glass'),
      ofOther: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        'tree',
        'parent',
        'deployment',
      ),
    }),
    { freq: 2, nil: null },
  ),
  allowsRemoval: fc.boolean(),
});

export const historyArbitrary = (maxLength: number): fc.Arbitrary<HistoryStep[]> =>
  fc.array(step, { minLength: 1, maxLength, size: 'max' });

const base: Files = {
  'headwater.json': policySettings(),
  allowed_signers: signersFile('ann'),
  'schemas/a.schema.json': schemaFile,
  'schemas/b.schema.json': schemaFile,
  'services/a/config.json': '{"value":"1"}',
  'services/b/config.json': '{"value":"1"}',
};

/** Makes the commits. @returns The followed line, oldest first. */
export function buildHistory(world: PolicyWorld, steps: readonly HistoryStep[]): CommitId[] {
  const line = [world.commit({ parents: [], set: base })];
  const trees: Files[] = [base];
  for (const [i, one] of steps.entries()) {
    const passed = Math.min(one.foxtrot, line.length - 1);
    const beside = line.splice(line.length - passed).slice(-1);
    trees.splice(trees.length - passed);
    const parent = line.at(-1) as CommitId;
    const before = trees.at(-1) as Files;
    const target = new Map(Object.entries(trees[Math.max(0, trees.length - 1 - (one.revert ?? 0))] as Files));
    for (const { path, content } of one.edits) {
      if (content === null) target.delete(path);
      else target.set(path, content);
    }
    const sides = one.sides.map((length, n) => {
      let tip = parent;
      for (let k = 0; k < length; k++)
        tip = world.commit({ parents: [tip], set: { [`side-${i}-${n}.txt`]: `${k}` } });
      return tip;
    });
    line.push(
      world.commit({
        parents: [parent, ...beside, ...sides],
        set: Object.fromEntries(target),
        remove: Object.keys(before).filter((path) => !target.has(path)),
        message: one.allowsRemoval ? `step ${i}\n\nHeadwater-Allow-Removal: 7` : `step ${i}`,
        ...(one.signedBy ? { signedBy: one.signedBy } : {}),
        ...(one.approval ? { approval: one.approval } : {}),
      }),
    );
    trees.push(Object.fromEntries(target));
  }
  return line;
}
