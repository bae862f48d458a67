/** Runs the daemon's own judgement over a tree, for commands. */
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { hashObject } from '../adapters/git/git-objects.ts';
import { createSchemaValidator } from '../adapters/schema-validator.ts';
import type { ReadBlob } from '../core/files.ts';
import type { Finding } from '../core/finding.ts';
import { createJudge, type Judge } from '../core/judge.ts';
import type { OpenSecrets } from '../core/judge-opened.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { validateTree } from '../core/validate-tree.ts';
import { CandidateBlobs } from '../gate/candidate-blobs.ts';
import { createCandidateJudge } from '../gate/candidate-judge.ts';
import type { FileEdit, TreeEntry } from '../ports.ts';
import { additions, type ConfigRepository } from './config-repository.ts';

export interface JudgedTree {
  readonly findings: readonly Finding[];
  readonly index: RepoIndex;
}

/** @param openSecrets As in `newErrors`. */
export async function judgeTree(
  files: readonly TreeEntry[],
  readBlob: ReadBlob,
  openSecrets?: OpenSecrets,
): Promise<JudgedTree> {
  return withJudge(readBlob, openSecrets, (judge) => judgeWith(judge, files, readBlob));
}

/**
 * Errors that `edits` would bring into the tip of a repository. Cost follows the services that change.
 * @param openSecrets With it the values of secrets are held against their schema.
 */
export async function newErrors(
  repository: ConfigRepository,
  edits: readonly FileEdit[],
  openSecrets?: OpenSecrets,
): Promise<readonly Finding[]> {
  const { reader, git, tip } = repository;
  const files = new Map((await repository.files()).map(({ path, mode, oid }) => [path, { mode, oid }]));
  const contents = new Map<string, Uint8Array>();
  const changes = edits.map(({ path, content }) => {
    const from = files.get(path) ?? null;
    if (content === null) return { path, from, to: null };
    const oid = hashObject('blob', content, git.objectFormat);
    contents.set(oid, content);
    return { path, from, to: { mode: from?.mode ?? '100644', oid } };
  });
  const blobs = new CandidateBlobs((oid, maxBytes) => reader.readBlob(oid, maxBytes));
  return withJudge(blobs.read, openSecrets, async ({ judge }) => {
    const candidates = createCandidateJudge({
      index: () => null,
      createIndex: () => RepoIndex.create(blobs.read),
      rules: { deployment: null },
      ...{ reader, blobs, judge },
    });
    return (await candidates.judge({ base: tip, changes, blobs: contents })).problems;
  });
}

async function judgeWith(judge: Judge, files: readonly TreeEntry[], readBlob: ReadBlob): Promise<JudgedTree> {
  const index = await RepoIndex.create(readBlob);
  await index.apply(additions(files));
  return { findings: await validateTree(index, judge), index };
}

async function withJudge<T>(
  readBlob: ReadBlob,
  openSecrets: OpenSecrets | undefined,
  use: (judge: Judge) => Promise<T>,
): Promise<T> {
  const validator = createSchemaValidator();
  try {
    const deps = { readBlob, validator, crypto: nodeCrypto, ...(openSecrets ? { openSecrets } : {}) };
    return await use(createJudge(deps));
  } finally {
    await validator.close();
  }
}
