/** A small world for tests of the epoch engine: histories in memory, and a judge that only looks for the word "bad". */
import { digestOf } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { ReadBlob } from '../core/files.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import type { ServiceJudgement } from '../core/judgement.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { secretsRev } from '../core/secrets-rev.ts';
import type { CommitId } from '../ports.ts';
import { createFakeGit, type FakeGit } from '../testing/fake-git.ts';
import { EpochEngine } from './epoch-engine.ts';

export interface World {
  readonly git: FakeGit;
  engine(): EpochEngine;
  /** Adds a commit and returns its id. */
  commit(
    parents: readonly CommitId[],
    set: Readonly<Record<string, string>>,
    options?: { readonly remove?: readonly string[]; readonly message?: string },
  ): CommitId;
}

export const settingsFile = (
  environments: readonly unknown[],
  atomicity = 'environment',
  deployment = 'tars',
): string => JSON.stringify({ headwater: 1, deployment, environments, atomicity });

export const schemaFile = JSON.stringify({
  type: 'object',
  properties: { value: { type: 'string' }, log_level: { type: 'string', 'x-hw': { shared: true } } },
});

export function createWorld(): World {
  const git = createFakeGit();
  const readBlob = (oid: string, maxBytes: number) => git.reader.readBlob(oid, maxBytes);
  const judge = (inputs: ServiceInputs) => judgeByWord(inputs, readBlob);
  return {
    git,
    engine: () =>
      new EpochEngine({
        reader: git.reader,
        createIndex: () => RepoIndex.create(readBlob),
        judge,
        rules: { deployment: null },
      }),
    commit: (parents, set, options = {}) => git.add({ parents, set, ...options }),
  };
}

export async function judgeByWord(
  inputs: ServiceInputs,
  readBlob: (oid: string, maxBytes: number) => Promise<Uint8Array>,
): Promise<ServiceJudgement> {
  const texts: string[] = [];
  for (const layer of inputs.layers) texts.push(Buffer.from(await readBlob(layer.oid, 1 << 20)).toString());
  const isBad = inputs.schema === null || texts.some((text) => text.includes('bad'));
  if (isBad) {
    const finding = {
      severity: 'error',
      code: 'HW_CONFIG_INVALID',
      file: `${inputs.folder}/config.json`,
      pointer: '/value',
      message: 'bad',
      hint: 'Write something else.',
      service: inputs.service,
      env: inputs.env,
    } as const;
    return { key: inputs.key, resolved: null, findings: [finding] };
  }
  const config = { texts };
  const resolved = {
    config,
    digest: digestOf(config, nodeCrypto),
    schema: digestOf(inputs.schema?.oid ?? null, nodeCrypto),
    schemaDocument: {},
    secrets: await secretsOf(inputs, readBlob),
  };
  return { key: inputs.key, resolved, findings: [] };
}

async function secretsOf(inputs: ServiceInputs, readBlob: ReadBlob) {
  if (inputs.secrets.length === 0) return null;
  const text = inputs.recipients
    ? Buffer.from(await readBlob(inputs.recipients.oid, 1 << 20)).toString()
    : '';
  return {
    rev: secretsRev(inputs, nodeCrypto),
    recipients: text.split('\n').filter(Boolean),
    values: new Map(),
  };
}

/** Everything of an engine's state that must be equal for equal histories. */
export function summaryOf(engine: EpochEngine): unknown {
  const environments = [...engine.environments.values()]
    .sort((a, b) => (a.env < b.env ? -1 : 1))
    .map((track) => ({
      env: track.env,
      epoch: track.epoch,
      mode: track.mode,
      held: track.held.map((item) => `${item.service} ${item.since.commit} ${item.finding.code}`).sort(),
      gone: [...track.gone]
        .filter(([service]) => !track.live.has(service))
        .map(([service, { commit }]) => `${service} ${commit}`)
        .sort(),
      live: [...track.live]
        .map(([service, live]) => ({
          service,
          epoch: live.epoch,
          digest: live.resolved.digest,
          schema: live.resolved.schema,
        }))
        .sort((a, b) => (a.service < b.service ? -1 : 1)),
    }));
  return { at: engine.at, environments };
}
