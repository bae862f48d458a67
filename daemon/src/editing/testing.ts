/** An editor on a real repository, with the engine and the judge that the daemon has, and no broker. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeadwaterError, JsonObject } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { createCommitWriter } from '../adapters/git/commit-writer.ts';
import { hashObject } from '../adapters/git/git-objects.ts';
import { createObjectReader } from '../adapters/git/object-reader.ts';
import { openRepository } from '../adapters/git/open-repository.ts';
import { createRefStore } from '../adapters/git/ref-store.ts';
import { createJudge } from '../core/judge.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { EpochEngine } from '../epochs/epoch-engine.ts';
import { CandidateBlobs } from '../gate/candidate-blobs.ts';
import { createCandidateJudge } from '../gate/candidate-judge.ts';
import type { CommitId } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';
import { type CommitSpec, testPerson } from '../testing/git-history.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import { makeTestRepository, type TestRepository } from '../testing/test-repository.ts';
import type { Editor, EditRequest, FileChange } from './edit.ts';
import { createEditor, type EditorDeps } from './editor.ts';
import { engineBranch } from './engine-branch.ts';

export const main = 'refs/heads/main';

/** Two environments, and a service with a limit, a keyed list, a group and a secret. */
export const startFiles: Readonly<Record<string, string>> = {
  'headwater.json': '{"headwater":1,"deployment":"tars","environments":["dev","prod"]}\n',
  'schemas/cam.schema.json': JSON.stringify({
    type: 'object',
    properties: {
      fps: { type: 'number', minimum: 1, maximum: 60 },
      name: { type: 'string' },
      list: { type: 'array', items: { type: 'object' }, 'x-hw': { mergeKey: 'id' } },
      tags: { type: 'array' },
      log: { type: 'object', properties: { level: { type: 'string' }, file: { type: 'string' } } },
    },
    additionalProperties: false,
  }),
  'services/cam/config.json': '{\n    "fps": 30.0,\n    "name": "front"\n}\n',
};

export interface EditScene extends AsyncDisposable {
  readonly made: TestRepository;
  readonly editor: Editor;
  readonly engine: EpochEngine;
  readonly deps: EditorDeps;
  /** Milliseconds that were waited for, in order. */
  readonly waits: number[];
  /** Answered by the branch in place of being followed. */
  refusal: HeadwaterError | null;
  tip(): CommitId;
  /** Text of a file at the tip, `null` when there is none. */
  read(path: string): Promise<string | null>;
  /** Somebody commits without the daemon. */
  commitByHand(files: Readonly<Record<string, string | null>>): Promise<CommitId>;
  /** A request of one JSON file, on the newest commit unless told otherwise. */
  request(path: string, desired: JsonObject | null, base?: CommitId): EditRequest;
  requestOf(...files: FileChange[]): EditRequest;
}

/** Everything an editor needs, on a repository that is there; other processes may work in it, too. */
export async function openWorkbench(path: string, refusal: () => HeadwaterError | null = () => null) {
  const repo = await openRepository(path);
  const reader = await createObjectReader(repo);
  const refs = createRefStore(repo);
  const blobs = new CandidateBlobs((oid, maxBytes) => reader.readBlob(oid, maxBytes));
  const readBlob = blobs.read;
  const { judge } = createJudge({ readBlob, validator: createInlineSchemaValidator(), crypto: nodeCrypto });
  const createIndex = () => RepoIndex.create(readBlob);
  const rules = { deployment: 'tars' };
  const engine = new EpochEngine({ reader, createIndex, judge, rules });
  const tip = await refs.read(main);
  if (tip !== null) await engine.start(tip);

  let now = testPerson.time * 1000;
  const following = new SerialQueue();
  const deps: EditorDeps = {
    ref: main,
    branch: engineBranch({
      engine: () => engine,
      era: () => 1,
      refusal: async () => refusal(),
      follow: () =>
        following.run(async () => {
          const moved = await refs.read(main);
          if (moved !== null) await engine.moveTo(moved);
        }),
    }),
    reader,
    readBlob,
    hashBlob: (content) => hashObject('blob', content, repo.objectFormat),
    writer: createCommitWriter(repo, reader, refs),
    judge: createCandidateJudge({ index: () => engine.index, createIndex, reader, blobs, judge, rules }),
    committer: { name: 'Headwater', email: 'headwater@tars' },
    clock: { now: () => (now += 1000), monotonic: () => performance.now() },
    wait: sleep,
    random: Math.random,
  };
  return { engine, deps, refs, reader };
}

export async function openEditScene(
  files: NonNullable<CommitSpec['set']> = startFiles,
  change: (deps: EditorDeps) => Partial<EditorDeps> = () => ({}),
): Promise<EditScene> {
  const made = makeTestRepository();
  const [first = ''] = await made.build([{ parents: [], set: files }]);
  made.git('update-ref', main, first);
  const scene = { refusal: null as HeadwaterError | null };
  const { engine, deps: real, refs, reader } = await openWorkbench(made.path, () => scene.refusal);
  const waits: number[] = [];
  const deps: EditorDeps = { ...real, wait: async (ms) => void waits.push(ms), random: () => 0.5 };
  const people = { author: testPerson, committer: testPerson };
  const commitByHand = async (edits: Readonly<Record<string, string | null>>) =>
    real.writer.commit({
      ...{ ref: main, expected: await refs.read(main), message: 'by hand\n', ...people },
      edits: Object.entries(edits).map(([path, text]) => ({
        path,
        content: text === null ? null : Buffer.from(text),
      })),
    });
  const editor = createEditor({ ...deps, ...change(deps) });
  const requestOf = (...changes: FileChange[]): EditRequest => ({
    actor: { name: 'Ada', email: 'ada@example.org' },
    message: 'Change it',
    base: made.git('rev-parse', main),
    files: changes,
    requestId: 'req-1',
  });
  return Object.assign(scene, {
    ...{ made, editor, engine, deps, waits, commitByHand, requestOf },
    tip: () => made.git('rev-parse', main),
    async read(path: string) {
      const file = (await reader.findFiles(made.git('rev-parse', main), [path])).get(path);
      return file === undefined ? null : Buffer.from(await reader.readBlob(file.oid, 1 << 20)).toString();
    },
    request: (path: string, desired: JsonObject | null, base?: CommitId) => ({
      ...requestOf({ kind: 'json', path, desired }),
      ...(base === undefined ? {} : { base }),
    }),
    async [Symbol.asyncDispose]() {
      await editor.idle();
      await reader.close();
      made[Symbol.dispose]();
    },
  });
}
