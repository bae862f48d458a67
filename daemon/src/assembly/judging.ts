/** Judging of commits, and of what is not committed yet: one validator and one set of caches for both. */
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { createSchemaValidator } from '../adapters/schema-validator.ts';
import type { ReadBlob } from '../core/files.ts';
import { createJudge, type Judge } from '../core/judge.ts';
import type { OpenSecrets } from '../core/judge-opened.ts';
import { RepoIndex } from '../core/repo-index.ts';
import type { ApprovalCheck, EngineDeps } from '../epochs/engine-deps.ts';
import type { EpochEngine } from '../epochs/epoch-engine.ts';
import type { FollowedRepository } from '../followed-repository.ts';
import { CandidateBlobs } from '../gate/candidate-blobs.ts';
import { type CandidateJudge, createCandidateJudge } from '../gate/candidate-judge.ts';
import type { Context } from './context.ts';

export interface Judging {
  readonly judge: Judge;
  /** Reads blobs of the repository, and of candidates while they are judged. */
  readonly readBlob: ReadBlob;
  readonly engineDeps: EngineDeps;
  /** @param engine The running engine, whose index candidates start from. */
  candidateJudge(engine: () => EpochEngine | null): CandidateJudge;
}

export function openJudging(
  { scope }: Context,
  { reader }: FollowedRepository,
  deployment: string,
  openSecrets: OpenSecrets,
  approvals: ApprovalCheck,
): Judging {
  const validator = createSchemaValidator();
  scope.defer(() => validator.close());
  const blobs = new CandidateBlobs((oid, maxBytes) => reader.readBlob(oid, maxBytes));
  const readBlob = blobs.read;
  const judge = createJudge({ readBlob, validator, crypto: nodeCrypto, openSecrets });
  const createIndex = () => RepoIndex.create(readBlob);
  const engineDeps = { reader, createIndex, judge: judge.judge, rules: { deployment }, approvals };
  return {
    judge,
    readBlob,
    engineDeps,
    candidateJudge: (engine) =>
      createCandidateJudge({ ...engineDeps, blobs, index: () => engine()?.index ?? null }),
  };
}
