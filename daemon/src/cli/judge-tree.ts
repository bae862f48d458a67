/** Runs the daemon's own judgement over a tree, for commands. */
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { hashObject } from '../adapters/git/git-objects.ts';
import { createSchemaValidator } from '../adapters/schema-validator.ts';
import type { ReadBlob } from '../core/files.ts';
import type { Finding } from '../core/finding.ts';
import { createJudge, type Judge } from '../core/judge.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { validateTree } from '../core/validate-tree.ts';
import type { FileEdit, TreeEntry } from '../ports.ts';
import { additions, type ConfigRepository } from './config-repository.ts';

export interface JudgedTree {
  readonly findings: readonly Finding[];
  readonly index: RepoIndex;
}

export async function judgeTree(files: readonly TreeEntry[], readBlob: ReadBlob): Promise<JudgedTree> {
  return withJudge(readBlob, (judge) => judgeWith(judge, files, readBlob));
}

/** Errors that `edits` would bring into the tip of a repository, or move to another place. */
export async function newErrors(
  repository: ConfigRepository,
  edits: readonly FileEdit[],
): Promise<readonly Finding[]> {
  const before = await repository.files();
  const format = repository.git.objectFormat;
  const contents = new Map<string, Uint8Array>();
  const placed = edits.flatMap(({ path, content }) => {
    if (content === null) return [];
    const oid = hashObject('blob', content, format);
    contents.set(oid, content);
    return [{ path, mode: '100644', oid }];
  });
  const edited = new Set(edits.map((edit) => edit.path));
  const after = [...before.filter((file) => !edited.has(file.path)), ...placed];
  const readBlob: ReadBlob = async (oid, maxBytes) =>
    contents.get(oid) ?? repository.reader.readBlob(oid, maxBytes);
  const keyOf = ({ file, pointer, code, message }: Finding) => [file, pointer, code, message].join('\n');
  return withJudge(readBlob, async (judge) => {
    const known = new Set((await judgeWith(judge, before, readBlob)).findings.map(keyOf));
    const { findings } = await judgeWith(judge, after, readBlob);
    return findings.filter((finding) => finding.severity === 'error' && !known.has(keyOf(finding)));
  });
}

async function judgeWith(judge: Judge, files: readonly TreeEntry[], readBlob: ReadBlob): Promise<JudgedTree> {
  const index = await RepoIndex.create(readBlob);
  await index.apply(additions(files));
  return { findings: await validateTree(index, judge), index };
}

async function withJudge<T>(readBlob: ReadBlob, use: (judge: Judge) => Promise<T>): Promise<T> {
  const validator = createSchemaValidator();
  try {
    return await use(createJudge({ readBlob, validator, crypto: nodeCrypto }));
  } finally {
    await validator.close();
  }
}
