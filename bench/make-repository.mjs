// Makes a bare config repository of many services in groups, for measurements at scale: one schema each, an overlay for every tenth.
// It is written as packs; without groups all services lie in one folder.
//   node bench/make-repository.mjs DIR [services = 10000] [groups = 100] [environments = 2] [commits = 1]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

/** Every so many services has an overlay for the last environment. */
const overlayEvery = 10;

/** @param {number} index */
const serviceAt = (index) => `service-${String(index).padStart(5, '0')}`;

/**
 * @param {number} index
 * @param {number} groups 0 = none
 */
export const scaleConfigPath = (index, groups) => {
  const group = groups === 0 ? '' : `group-${String(index % groups).padStart(3, '0')}/`;
  return `services/${group}${serviceAt(index)}/config.json`;
};

/**
 * About 500 bytes of settings; `value` is the one to change.
 * @param {number} index
 * @param {number} value
 */
export function scaleConfig(index, value) {
  const config = {
    value,
    name: serviceAt(index),
    listen: `0.0.0.0:${2000 + (index % 60_000)}`,
    upstreams: ['tcp://alpha.local:4100', 'tcp://beta.local:4100', 'tcp://gamma.local:4100'],
    limits: { requests_per_second: 250, burst: 500, max_body_bytes: 1_048_576, timeout_ms: 2_500 },
    retry: { attempts: 3, backoff_ms: 250, jitter: 0.5 },
    features: { cache: true, trace: false, dry_run: false },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** @param {number} index */
function scaleSchema(index) {
  /** @param {string} unit */
  const number = (unit) => ({ type: 'number', minimum: 0, 'x-hw': { unit } });
  /** @param {Record<string, unknown>} properties */
  const part = (properties) => ({ type: 'object', additionalProperties: false, properties });
  const flag = { type: 'boolean' };
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Settings of ${serviceAt(index)}`,
    ...part({
      value: { type: 'integer', minimum: 0, default: 0 },
      name: { type: 'string' },
      listen: { type: 'string', 'x-hw': { apply: 'restart' } },
      upstreams: { type: 'array', items: { type: 'string' } },
      limits: part({
        requests_per_second: number('1/s'),
        burst: number('1'),
        max_body_bytes: number('B'),
        timeout_ms: number('ms'),
      }),
      retry: part({ attempts: number('1'), backoff_ms: number('ms'), jitter: number('1') }),
      features: part({ cache: flag, trace: flag, dry_run: flag }),
    }),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/**
 * @param {string} path of the bare repository, which must not exist
 * @param {{ services?: number, groups?: number, environments?: number, commits?: number }} [size] `commits`: the first one adds
 *   everything, every other one changes one service
 */
export async function makeScaleRepository(
  path,
  { services = 10_000, groups = 100, environments = 2, commits = 1 } = {},
) {
  const init = spawn('git', ['init', '-q', '--bare', '-b', 'main', path], { stdio: 'inherit' });
  if ((await once(init, 'close'))[0] !== 0) throw new Error(`git init ${path} failed`);
  const names = Array.from({ length: environments }, (_, i) => `env-${i + 1}`);
  const git = spawn('git', ['-C', path, 'fast-import', '--quiet'], { stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = once(git, 'close');
  /** @param {string} text */
  const write = async (text) => {
    if (!git.stdin.write(text)) await once(git.stdin, 'drain');
  };
  /**
   * @param {string} target
   * @param {string} text
   */
  const file = (target, text) =>
    write(`M 100644 inline ${target}\ndata ${Buffer.byteLength(text)}\n${text}\n`);
  /**
   * @param {number} number
   * @param {string} message
   */
  const commit = (number, message) => {
    const head = `commit refs/heads/main\ncommitter Ann Example <ann@example.org> ${1_767_225_600 + number} +0000`;
    return write(`${head}\ndata ${message.length}\n${message}\n`);
  };
  await commit(0, 'Start\n');
  const settings = { headwater: 1, deployment: 'scale', environments: names };
  await file('headwater.json', `${JSON.stringify(settings, null, 2)}\n`);
  for (let i = 0; i < services; i++) {
    const config = scaleConfigPath(i, groups);
    await file(config, scaleConfig(i, 1));
    await file(`schemas/${serviceAt(i)}.schema.json`, scaleSchema(i));
    if (i % overlayEvery === 0) {
      const overlay = config.replace('config.json', `config.${names.at(-1)}.json`);
      await file(overlay, '{ "limits": { "burst": 900 } }\n');
    }
  }
  for (let i = 1; i < commits; i++) {
    await commit(i, `Change ${i}\n`);
    // By a stride, so that commits that follow each other lie in different groups.
    const index = (i * 7919) % services;
    await file(scaleConfigPath(index, groups), scaleConfig(index, 1 + i));
  }
  git.stdin.end();
  if ((await ended)[0] !== 0) throw new Error('git fast-import failed');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [path, services, groups, environments, commits] = process.argv.slice(2);
  if (path === undefined)
    throw new Error('usage: node bench/make-repository.mjs DIR [services] [groups] [environments] [commits]');
  const given = Object.entries({ services, groups, environments, commits }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, Number(text)]],
  );
  await makeScaleRepository(path, Object.fromEntries(given));
}
