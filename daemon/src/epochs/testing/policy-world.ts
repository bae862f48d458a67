/** A world of people who sign and daemons that approve: histories in memory, with real keys. */
import {
  type Approval,
  type ApproverRole,
  approvalTrailer,
  openApproval,
  openKeys,
  signApproval,
  signEnvelope,
  signingKeyOf,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { RepoIndex } from '../../core/repo-index.ts';
import { createSshSignature, ed25519Blob } from '../../core/signatures/ssh-signature.ts';
import type { CommitId } from '../../ports.ts';
import { createFakeGit, type FakeGit } from '../../testing/fake-git.ts';
import { testPerson } from '../../testing/git-history.ts';
import type { ApprovalCheck, EngineDeps } from '../engine-deps.ts';
import { EpochEngine } from '../epoch-engine.ts';
import { judgeByWord } from '../testing.ts';

const keyOf = (byte: number) => signingKeyOf(new Uint8Array(32).fill(byte), nodeCrypto);
const people = { ann: keyOf(11), bob: keyOf(12), eve: keyOf(13) } as const;
const daemonKeys = { daemon: keyOf(21), revoked: keyOf(22), stranger: keyOf(23) } as const;
const root = keyOf(29);

export type Person = keyof typeof people;

export interface PolicyCommit {
  readonly parents: readonly CommitId[];
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
  readonly message?: string;
  /** Who commits and signs. Default: somebody who does not sign. */
  readonly signedBy?: Person;
  readonly approval?: {
    /** Default "daemon". */
    readonly key?: keyof typeof daemonKeys;
    /** Default "approver". */
    readonly role?: ApproverRole;
    /** Default "proposal". */
    readonly kind?: Approval['kind'];
    /** Approves something else. */
    readonly ofOther?: 'tree' | 'parent' | 'deployment' | undefined;
  };
}

export interface PolicyWorld {
  readonly git: FakeGit;
  readonly deps: EngineDeps;
  /** Newest `seq` that is known to be published, by environment. */
  readonly published: Map<string, number>;
  engine(options?: Partial<EngineDeps>): EpochEngine;
  commit(spec: PolicyCommit): CommitId;
}

export function createPolicyWorld(): PolicyWorld {
  const git = createFakeGit();
  const published = new Map<string, number>();
  const readBlob = (oid: string, maxBytes: number) => git.reader.readBlob(oid, maxBytes);
  const deps: EngineDeps = {
    reader: git.reader,
    createIndex: () => RepoIndex.create(readBlob),
    judge: (inputs) => judgeByWord(inputs, readBlob),
    rules: { deployment: 'tars' },
    approvals: { ...approvalCheck, publishedSeq: (env) => published.get(env) ?? 0 },
  };
  const add = ({ parents, set, remove, message = 'step', signedBy }: PolicyCommit, trailer = '') => {
    const person = { ...testPerson, ...(signedBy ? { email: `${signedBy}@example.org` } : {}) };
    const key = signedBy && people[signedBy];
    return git.add({
      parents,
      ...(set ? { set } : {}),
      ...(remove ? { remove } : {}),
      message: trailer === '' ? message : `${message}${message.includes('\n\n') ? '\n' : '\n\n'}${trailer}`,
      author: person,
      ...(key ? { sign: (payload) => createSshSignature(payload, 'git', key) } : {}),
    });
  };
  return {
    git,
    deps,
    published,
    engine: (options = {}) => new EpochEngine({ ...deps, ...options }),
    commit(spec) {
      const { approval, parents } = spec;
      const draft = add(spec);
      const parent = parents[0];
      if (!approval || parent === undefined) return draft;
      const other = 'f'.repeat(40);
      const approver = { id: 'someone', role: approval.role ?? 'approver' } as const;
      const text = signApproval(
        {
          v: 1,
          deployment: approval.ofOther === 'deployment' ? 'case' : 'tars',
          id: '7',
          issuedAt: '2026-11-21T10:00:00Z',
          parent: approval.ofOther === 'parent' ? other : parent,
          tree: approval.ofOther === 'tree' ? other : git.treeOf(draft),
          ...(approval.kind === 'break-glass'
            ? { kind: 'break-glass', actor: approver, reason: 'It burns.' }
            : { kind: 'proposal', approvers: [approver] }),
        },
        daemonKeys[approval.key ?? 'daemon'],
        nodeCrypto,
      );
      return add(spec, `${approvalTrailer}: ${text}`);
    },
  };
}

/** A line of `allowed_signers` for each of them. */
export const signersFile = (...names: readonly Person[]): string =>
  names
    .map((name) => {
      const key = Buffer.from(ed25519Blob(people[name].publicKey)).toString('base64');
      return `${name}@example.org namespaces="git" ssh-ed25519 ${key}\n`;
    })
    .join('');

export const policySettings = (fields: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ headwater: 1, deployment: 'tars', environments: ['dev', 'prod'], ...fields });

const keyring = (() => {
  const payload = {
    v: 1,
    kind: 'keys',
    deployment: 'tars',
    version: 1,
    issuedAt: '2026-11-01T00:00:00Z',
    roots: [toHex(root.publicKey)],
    signers: [
      { key: toHex(daemonKeys.daemon.publicKey), notBefore: '2026-11-01T00:00:00Z' },
      {
        key: toHex(daemonKeys.revoked.publicKey),
        notBefore: '2026-11-01T00:00:00Z',
        revoked: '2026-11-22T00:00:00Z',
      },
    ],
  };
  const bytes = signEnvelope('keys', utf8(JSON.stringify(payload)), [root], nodeCrypto);
  return openKeys(bytes, { roots: payload.roots, deployment: 'tars', version: 0 }, nodeCrypto);
})();

const approvalCheck: Pick<ApprovalCheck, 'open'> = {
  open: (text, change) => openApproval(text, { ...change, deployment: 'tars' }, keyring, nodeCrypto),
};
