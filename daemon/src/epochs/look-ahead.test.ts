import { expect, test } from 'vitest';
import { RepoIndex } from '../core/repo-index.ts';
import { EpochEngine } from './epoch-engine.ts';
import { createWorld, schemaFile, settingsFile, summaryOf } from './testing.ts';

const base = {
  'headwater.json': settingsFile(['dev']),
  'schemas/a.schema.json': schemaFile,
  'services/a/config.json': '{"value":"1"}',
  'services/shared.json': '{"log_level":"info"}',
};

function watchedEngine() {
  const world = createWorld();
  const judged: string[] = [];
  const engine = new EpochEngine({
    reader: world.git.reader,
    createIndex: () => RepoIndex.create((oid, maxBytes) => world.git.reader.readBlob(oid, maxBytes)),
    judge: async ({ key, service, env }) => {
      judged.push(`${service} ${env} ${key}`);
      return { key, resolved: null, findings: [] };
    },
    rules: { deployment: null },
  });
  return { world, engine, judged };
}

test('a commit that is announced is judged ahead, by the very inputs it has when it comes', async () => {
  const { world, engine, judged } = watchedEngine();
  const first = world.commit([], base);
  await engine.start(first);
  judged.length = 0;
  const next = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
  await engine.lookAhead(next);
  const ahead = judged.splice(0);
  expect(ahead).toHaveLength(1);
  await engine.moveTo(next);
  expect(judged).toEqual(ahead);
});

test('what is announced and never comes leaves no trace', async () => {
  const world = createWorld();
  const first = world.commit([], base);
  const other = world.commit(
    [first],
    { 'services/b/config.json': '{}', 'services/shared.json': '{}' },
    { remove: ['services/a/config.json'] },
  );
  const next = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
  const engine = world.engine();
  await engine.start(first);
  const before = summaryOf(engine);
  await engine.lookAhead(other);
  expect(summaryOf(engine)).toEqual(before);
  expect(engine.index.structural).toEqual([]);
  await engine.moveTo(next);
  const fresh = world.engine();
  await fresh.start(next);
  expect(summaryOf(engine)).toEqual(summaryOf(fresh));
});

test('what does not simply follow is not looked at: another line, schemas, settings, many files', async () => {
  const { world, engine, judged } = watchedEngine();
  const first = world.commit([], base);
  const second = world.commit([first], { 'services/a/config.json': '{"value":"2"}' });
  await engine.start(second);
  judged.length = 0;
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`services/s${i}/config.json`, '{}']));
  for (const announced of [
    first,
    second,
    world.commit([first], { 'services/a/config.json': '{"value":"3"}' }),
    world.commit([second], { 'schemas/a.schema.json': '{}' }),
    world.commit([second], { 'headwater.json': settingsFile(['dev', 'prod']) }),
    world.commit([second], many),
  ]) {
    await engine.lookAhead(announced);
  }
  expect(judged).toEqual([]);
});
