import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { beforeEach, describe, expect, test } from 'vitest';
import { createJudge } from '../core/judge.ts';
import { RepoIndex } from '../core/repo-index.ts';
import { EpochEngine } from '../epochs/epoch-engine.ts';
import { Era } from '../epochs/era.ts';
import { settingsFile } from '../epochs/testing.ts';
import { CandidateBlobs } from '../gate/candidate-blobs.ts';
import { createCandidateJudge } from '../gate/candidate-judge.ts';
import type { CommitId } from '../ports.ts';
import { createFakeGit } from '../testing/fake-git.ts';
import { createInlineSchemaValidator } from '../testing/schema-validator.ts';
import { History, type Sight } from './history.ts';

const all: Sight = { everything: true, service: () => true, anywhere: () => true };
const onlyA: Sight = {
  everything: false,
  service: (_, service) => service === 'a',
  anywhere: (service) => service === 'a',
};

const schema = JSON.stringify({
  type: 'object',
  properties: {
    rate: { type: 'number', default: 1 },
    deep: { type: 'object', properties: { x: { type: 'integer' }, y: { type: 'integer' } } },
    log_level: { type: 'string', 'x-hw': { shared: true } },
  },
});

async function scene() {
  const git = createFakeGit();
  const blobs = new CandidateBlobs((oid, max) => git.reader.readBlob(oid, max));
  const judge = createJudge({
    readBlob: blobs.read,
    validator: createInlineSchemaValidator(),
    crypto: nodeCrypto,
  });
  const deps = {
    reader: git.reader,
    createIndex: () => RepoIndex.create(blobs.read),
    judge: judge.judge,
    rules: { deployment: null },
  };
  const engine = new EpochEngine(deps);
  const candidates = createCandidateJudge({ ...deps, blobs, index: () => engine.index });
  const history = new History({
    reader: git.reader,
    readBlob: blobs.read,
    engine: () => engine,
    candidates,
    era: new Era(),
  });
  let tip: CommitId | null = null;
  const person = (name: string, time: number) => ({ name, email: `${name.toLowerCase()}@example.org`, time });
  let time = 1_700_000_000;
  const commit = async (
    set: Readonly<Record<string, string>>,
    { message = 'Change', remove = [] as readonly string[], author = 'Ada' } = {},
  ): Promise<CommitId> => {
    time += 60;
    const who = person(author, time);
    const id = git.add({ parents: tip ? [tip] : [], set, remove, message, author: who, committer: who });
    if (tip) await engine.moveTo(id);
    else await engine.start(id);
    tip = id;
    return id;
  };
  const first = await commit({
    'headwater.json': settingsFile(['dev', { name: 'prod', extends: 'dev' }]),
    'schemas/a.schema.json': schema,
    'schemas/b.schema.json': schema,
    'services/g/a/config.json': '{"rate": 5}',
    'services/b/config.json': '{}',
  });
  return { history, commit, first, at: (seconds: number) => new Date((time + seconds) * 1000) };
}

type Scene = Awaited<ReturnType<typeof scene>>;
let it: Scene;
beforeEach(async () => {
  it = await scene();
});

describe('the timeline', () => {
  test('lists commits newest first, page by page, with whom they touch and where they are live', async () => {
    const second = await it.commit(
      { 'services/b/config.json': '{"rate": 2}' },
      { message: 'Slow b\n\nbody' },
    );
    const third = await it.commit({ 'services/g/a/config.prod.json': '{"rate": 9}' });
    const { epochs, next } = await it.history.epochs({ limit: 2 }, all);
    expect(epochs.map(({ epoch, services, live }) => [epoch.commit, services, live])).toEqual([
      [third, ['a'], ['dev', 'prod']],
      [second, ['b'], []],
    ]);
    expect(epochs[1]).toMatchObject({
      subject: 'Slow b',
      epoch: { era: 1, seq: 2 },
      author: { name: 'Ada' },
    });
    expect(next).toBe(second);
    const rest = await it.history.epochs({ limit: 2, before: second }, all);
    expect([rest.epochs.map(({ epoch }) => epoch.commit), rest.next]).toEqual([[it.first], null]);
  });

  test('is filtered by service, path and author; a shared file counts for those below it', async () => {
    const shared = await it.commit({ 'services/g/shared.json': '{"log_level": "debug"}' }, { author: 'Bob' });
    const ids = async (filter: object) =>
      (await it.history.epochs({ limit: 9, ...filter }, all)).epochs.map(({ epoch }) => epoch.commit);
    expect(await ids({ service: 'a' })).toEqual([shared, it.first]);
    expect(await ids({ service: 'b' })).toEqual([it.first]);
    expect(await ids({ path: 'shared' })).toEqual([shared]);
    expect(await ids({ author: 'BOB@' })).toEqual([shared]);
  });

  test('shows people what they may see, and nothing of the rest', async () => {
    const b = await it.commit({ 'services/b/config.json': '{"rate": 2}' });
    const both = await it.commit({
      'services/b/config.json': '{}',
      'services/g/a/config.json': '{"rate": 6}',
    });
    const { epochs } = await it.history.epochs({ limit: 9 }, onlyA);
    expect(epochs.map(({ epoch }) => epoch.commit)).not.toContain(b);
    await expect(it.history.epoch(b, onlyA)).rejects.toMatchObject({ code: 'HW_NOT_FOUND' });
    const detail = await it.history.epoch(both, onlyA);
    expect(detail.changes.map(({ service }) => service)).toEqual(['a', 'a']);
    expect(detail.files.map(({ path }) => path)).toEqual(['services/g/a/config.json']);
    expect(JSON.stringify(detail)).not.toContain('"b"');
  });

  test('knows what was the tip at a time', async () => {
    const second = await it.commit({ 'services/b/config.json': '{"rate": 2}' });
    expect(await it.history.asOf(it.at(1))).toMatchObject({ commit: second });
    expect(await it.history.asOf(it.at(-1))).toMatchObject({ commit: it.first });
    await expect(it.history.asOf(new Date(0))).rejects.toMatchObject({ code: 'HW_NOT_FOUND' });
  });
});

describe('one commit', () => {
  test('tells its changes per environment, old and new, its files, and what it undoes', async () => {
    const message = `Undo\n\nThis reverts commit ${it.first}.\n\nHeadwater-Request-Id: r-1\n`;
    const id = await it.commit({ 'services/g/a/config.json': '{"rate": 7}' }, { message });
    const detail = await it.history.epoch(id.slice(0, 8), all);
    expect(detail).toMatchObject({ reverts: it.first, requestId: 'r-1', parents: [it.first] });
    expect(detail.files).toEqual([{ path: 'services/g/a/config.json', change: 'changed' }]);
    expect(detail.changes).toEqual(
      ['dev', 'prod'].map((env) =>
        expect.objectContaining({
          env,
          service: 'a',
          settings: [{ pointer: '/rate', from: 5, to: 7, apply: 'hot' }],
        }),
      ),
    );
  });

  test('is found by HEAD when it is the newest', async () => {
    const id = await it.commit({ 'services/b/config.json': '{"rate": 2}' });
    expect((await it.history.epoch('HEAD', all)).epoch.commit).toBe(id);
  });

  test('is not found by what is no commit, by one of another line, or by too few digits', async () => {
    for (const name of ['0'.repeat(40), 'main', '../x', it.first.slice(0, 3), ''])
      await expect(it.history.epoch(name, all)).rejects.toMatchObject({ code: 'HW_NOT_FOUND' });
  });
});

test('two commits are compared in either direction', async () => {
  await it.commit({ 'services/b/config.json': '{"rate": 2}' });
  const third = await it.commit({ 'services/b/config.json': '{"rate": 3}' });
  const forth = await it.history.compare(it.first, third, all);
  expect(forth.changes[0]?.settings).toEqual([{ pointer: '/rate', from: 1, to: 3, apply: 'hot' }]);
  const back = await it.history.compare(third, it.first, all);
  expect(back.changes[0]?.settings).toEqual([{ pointer: '/rate', from: 3, to: 1, apply: 'hot' }]);
});

describe('the history of a service', () => {
  const of = (query: object) => it.history.ofService({ service: 'a', env: 'prod', limit: 9, ...query });
  const told = async (query: object) =>
    (await of(query)).entries.map(({ changes }) =>
      changes.map(({ pointer, from, to }) => [pointer, from, to]),
    );

  beforeEach(async () => {
    await it.commit({ 'services/g/a/config.prod.json': '{"rate": 9}' });
    await it.commit({ 'services/b/config.json': '{"rate": 2}' });
    await it.commit({ 'services/g/a/config.json': '{"rate": 6, "deep": {"x": 1, "y": 1}}' });
    await it.commit({ 'services/g/a/config.json': '{"rate": 6, "deep": {"x": 1, "y": 2}}' });
  });

  test('tells each change as the environment saw it', async () => {
    expect(await told({})).toEqual([
      [['/deep/y', 1, 2]],
      [
        ['/deep/x', undefined, 1],
        ['/deep/y', undefined, 1],
      ],
      [['/rate', 5, 9]],
      [['/rate', undefined, 5]],
    ]);
  });

  test('of one setting starts with whoever set the value that is there now', async () => {
    expect(await told({ pointer: '/rate' })).toEqual([[['/rate', 5, 9]], [['/rate', undefined, 5]]]);
    expect(await told({ pointer: '/deep/x' })).toEqual([[['/deep/x', undefined, 1]]]);
    expect(await told({ pointer: '/deep' })).toHaveLength(2);
    expect(await told({ pointer: '/none' })).toEqual([]);
  });

  test('comes page by page', async () => {
    const first = await of({ limit: 3 });
    expect(first.next).toBe(first.entries[2]?.epoch.commit);
    const second = await of({ limit: 3, before: first.next ?? '' });
    expect([second.entries.length, second.next]).toEqual([1, null]);
  });

  test('goes on where the service lay before it moved', async () => {
    await it.commit(
      { 'services/h/a/config.json': '{"rate": 6}', 'services/h/a/config.prod.json': '{"rate": 9}' },
      { remove: ['services/g/a/config.json', 'services/g/a/config.prod.json'] },
    );
    expect(await told({ pointer: '/rate' })).toEqual([[['/rate', 5, 9]], [['/rate', undefined, 5]]]);
  });

  test('reaches back beyond a removal; a service that never was is not found', async () => {
    await it.commit(
      {},
      { remove: ['services/g/a/config.json', 'services/g/a/config.prod.json', 'schemas/a.schema.json'] },
    );
    expect((await of({})).entries).toHaveLength(5);
    await expect(of({ service: 'never' })).rejects.toMatchObject({ code: 'HW_NOT_FOUND' });
  });
});
