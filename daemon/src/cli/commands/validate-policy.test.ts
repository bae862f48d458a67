/** `validate` in clones of repositories that ask something of commits. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { signApproval, signingKeyOf } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeSshKey, type SshKeyFile } from '../../testing/ssh-keys.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

// The worker is a built file; the same judgement in this thread serves here.
vi.mock('../../adapters/schema-validator.ts', async () => {
  const { createInlineSchemaValidator } = await import('../../testing/schema-validator.ts');
  return { createSchemaValidator: createInlineSchemaValidator };
});

// Many git processes: slow on a busy machine, and nothing here is about time.
vi.setConfig({ testTimeout: 60_000 });

interface Verdict {
  readonly ok: boolean;
  readonly findings: readonly {
    readonly severity: string;
    readonly code: string;
    readonly message: string;
  }[];
}

let play: Playground;
let key: SshKeyFile;
beforeEach(async () => {
  play = makePlayground();
  key = makeSshKey(play.folder, 'key', 'ed25519');
  await play.run('init', 'repo', '--deployment', 'tars');
  play.git('repo', 'config', 'gpg.format', 'ssh');
  play.git('repo', 'config', 'user.signingkey', `${key.path}.pub`);
});
afterEach(() => play[Symbol.dispose]());

const settings = (policy: object) =>
  `${JSON.stringify({ headwater: 1, deployment: 'tars', environments: ['dev', 'prod'], ...policy }, null, 2)}\n`;

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(play.folder, 'repo', path)), { recursive: true });
    writeFileSync(join(play.folder, 'repo', path), text);
  }
}

function commit(files: Readonly<Record<string, string>>, ...options: readonly string[]): void {
  put(files);
  play.git('repo', 'add', '-A');
  play.git('repo', 'commit', '-q', '-m', 'Change', ...options);
}

const validate = async (...options: readonly string[]) =>
  (await play.run('validate', '--repo', 'repo', '--json', ...options)).json<Verdict>();
const told = ({ findings }: Verdict) => findings.map(({ severity, code }) => `${severity} ${code}`);

const service = {
  'schemas/a.schema.json': '{"type":"object","properties":{"level":{"type":"integer"}}}\n',
  'services/a/config.json': '{"level":1}\n',
};

describe('where signatures are required', () => {
  beforeEach(() => {
    const signers = `ada@example.org ${key.publicKey}\n`;
    commit({
      ...service,
      'headwater.json': settings({ signedCommits: 'require' }),
      allowed_signers: signers,
    });
  });

  test('an unsigned commit is an error, a signed one is not', async () => {
    commit({ 'README.md': 'x' });
    expect(told(await validate('--rev', 'HEAD'))).toEqual(['error HW_COMMIT_UNSIGNED']);
    expect(told(await validate('--rev', 'HEAD~1'))).toEqual([]);
    commit({ 'README.md': 'y' }, '-S');
    expect(await validate('--rev', 'HEAD')).toMatchObject({ ok: true, findings: [] });
    const other = makeSshKey(play.folder, 'other', 'ed25519');
    play.git('repo', 'config', 'user.signingkey', `${other.path}.pub`);
    commit({ 'README.md': 'z' }, '-S');
    expect(told(await validate('--rev', 'HEAD'))).toEqual(['error HW_COMMIT_SIGNATURE']);
  });

  test('in a work tree the newest commit is a warning: the next one may vouch for it', async () => {
    commit({ 'README.md': 'x' });
    expect(await validate()).toMatchObject({ ok: true });
    expect(told(await validate())).toEqual(['warning HW_COMMIT_UNSIGNED']);
  });

  test('a list with lines that are not used says which', async () => {
    put({ allowed_signers: `ada@example.org ${key.publicKey}\n@ cert-authority ${key.publicKey}\n` });
    expect(told(await validate())).toEqual(['warning HW_SIGNERS_LINE']);
    put({ allowed_signers: '# nobody\n' });
    expect(told(await validate())).toEqual(['error HW_SIGNERS_NONE']);
  });
});

describe('where an environment is protected', () => {
  beforeEach(() => commit({ ...service, 'headwater.json': settings({ protected: ['prod'] }) }));

  test('a change without approval is an error as a commit, and a warning before it is one', async () => {
    put({ 'services/a/config.prod.json': '{"level":2}\n' });
    const before = await validate();
    expect(before.ok).toBe(true);
    expect(before.findings).toMatchObject([
      {
        severity: 'warning',
        code: 'HW_UNAPPROVED',
        message: expect.stringContaining('prod is protected, and a changed'),
      },
    ]);
    commit({});
    expect(told(await validate('--rev', 'HEAD'))).toEqual(['error HW_UNAPPROVED']);
    put({ 'services/a/config.dev.json': '{"level":2}\n' });
    play.git('repo', 'rm', '-q', 'services/a/config.prod.json');
    expect(told(await validate())).toEqual([]);
  });

  test('an approval is taken at its word', async () => {
    put({ 'services/a/config.prod.json': '{"level":2}\n' });
    play.git('repo', 'add', '-A');
    const text = signApproval(
      {
        ...{ v: 1, kind: 'proposal', deployment: 'tars', id: '1', issuedAt: '2026-11-21T10:00:00Z' },
        parent: play.git('repo', 'rev-parse', 'HEAD').trim(),
        tree: play.git('repo', 'write-tree').trim(),
        approvers: [{ id: 'ann', role: 'approver' }],
      },
      signingKeyOf(new Uint8Array(32).fill(9), nodeCrypto),
      nodeCrypto,
    );
    play.git('repo', 'commit', '-q', '-m', `Change\n\nHeadwater-Approval: ${text}`);
    expect(told(await validate('--rev', 'HEAD'))).toEqual([]);
  });
});
