// The daemon's own engine on a repository: from a commit that was just written to the plan of what is published, over native git and
// over isomorphic-git, beside one run of `git diff-tree`.

import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { createObjectReader } from '../../daemon/dist/adapters/git/object-reader.js';
import { openRepository } from '../../daemon/dist/adapters/git/open-repository.js';
import { createSchemaValidator } from '../../daemon/dist/adapters/schema-validator.js';
import { createJudge } from '../../daemon/dist/core/judge.js';
import { RepoIndex } from '../../daemon/dist/core/repo-index.js';
import { EpochEngine } from '../../daemon/dist/epochs/epoch-engine.js';
import { epochAt } from '../../daemon/dist/epochs/place.js';
import { planService } from '../../daemon/dist/publishing/plan.js';
import { scaleConfig, scaleConfigPath } from '../make-repository.mjs';
import { pause } from '../support/clock.mjs';
import { openWriter } from '../support/git-writer.mjs';
import { run } from '../support/processes.mjs';

const { repository, services, groups, rounds, bursts } = JSON.parse(process.argv[2]);
const era = 1;
const warmUps = 10;
process.on('SIGTERM', () => process.exit(0));

const writer = await openWriter(repository);
const tip = (await run('git', ['-C', repository, 'rev-parse', 'main'])).trim();
/** Whoever runs reads through its own reader. */
let current;
const readBlob = (oid, maxBytes) => current.readBlob(oid, maxBytes);
const validator = createSchemaValidator();
/** What stood there before is taken as it is: judging all of it would take minutes, and none of it is measured. */
const taken = { config: {}, digest: '', schema: '', schemaDocument: {}, secrets: null };
const fast = await createObjectReader(await openRepository(repository));
const sides = { native: await open({}), isomorphic: await open({ useNativeGit: false }) };
process.send({ type: 'started' });

const samples = { native: [], isomorphic: [], peer: [] };
let before = tip;
let value = 1_000_000;
for (let i = -warmUps; i < rounds; i++) {
  const found = await oneCommit(1, i);
  if (i >= 0) for (const [name, ms] of Object.entries(found)) samples[name].push(ms);
}
const byChange = [];
for (const changed of bursts) {
  const all = [];
  for (let i = 0; i < 6; i++) all.push((await oneCommit(changed, i)).native);
  byChange.push({ changed, samples: all });
}
await validator.close();
await fast.close();
for (const { reader } of Object.values(sides)) await reader.close();
process.send({ type: 'measured', samples, byChange });

async function open(options) {
  const reader = await createObjectReader(await openRepository(repository, options));
  current = fast;
  const judge = createJudge({ readBlob, validator, crypto: nodeCrypto });
  let isStarted = false;
  const engine = new EpochEngine({
    reader,
    createIndex: () => RepoIndex.create(readBlob),
    judge: async (inputs) =>
      isStarted ? judge.judge(inputs) : { key: inputs.key, resolved: taken, findings: [] },
    rules: { deployment: null },
    recent: 1,
  });
  await engine.start(tip);
  isStarted = true;
  const published = new Map();
  for (const [env, track] of engine.environments) {
    published.set(env, new Map());
    for (const service of track.takeChanged()) publish(published.get(env), track, service);
  }
  return { reader, engine, published };
}

/** @param {number} changed how many services the commit changes */
async function oneCommit(changed, round) {
  const files = {};
  for (let i = 0; i < changed; i++) {
    const index = (value * 7919 + i * 31) % services;
    files[scaleConfigPath(index, groups)] = scaleConfig(index, value + i);
  }
  value += changed;
  const { commit } = writer.commit(files, { durable: false });
  const names = ['native', 'isomorphic', 'peer'];
  const found = {};
  // Each goes first as often as the others.
  for (let k = 0; k < names.length; k++) {
    const name = names[(k + round + names.length * 10) % names.length];
    await pause();
    found[name] = await (name === 'peer' ? diffTree(before, commit) : planned(sides[name], commit));
  }
  before = commit;
  return found;
}

/** Milliseconds from a commit that lies there to the plan of what is published. */
async function planned({ reader, engine, published }, commit) {
  current = reader;
  const at = performance.now();
  if ((await engine.moveTo(commit)) !== 'moved') throw new Error('the engine did not move');
  let plans = 0;
  const moved = [];
  for (const [env, track] of engine.environments) {
    for (const service of track.takeChanged()) {
      if (plan(published.get(env), track, service)?.action === 'publish') plans += 1;
      moved.push([env, track, service]);
    }
  }
  const ms = performance.now() - at;
  if (plans === 0) throw new Error('nothing was planned');
  for (const [env, track, service] of moved) publish(published.get(env), track, service);
  return ms;
}

function plan(published, track, service) {
  return planService(
    service,
    track.live.get(service) ?? null,
    published.get(service) ?? null,
    epochAt(track.epoch, era),
  );
}

function publish(published, track, service) {
  const { resolved, epoch } = track.live.get(service);
  const { digest, schema } = resolved;
  const message = new Uint8Array();
  published.set(service, {
    kind: 'snapshot',
    epoch: epochAt(epoch, era),
    envelope: message,
    ...{ digest, schema, secrets: null },
    schemaEnvelope: message,
  });
}

async function diffTree(from, to) {
  const at = performance.now();
  await run('git', ['-C', repository, 'diff-tree', '-r', '-z', from, to]);
  return performance.now() - at;
}
