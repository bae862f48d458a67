// A running Headwater as users run it: a bare repository of many services, `headwater serve` on it, enrolled services.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openWriter } from './git-writer.mjs';
import { run, start } from './processes.mjs';

const command = fileURLToPath(new URL('../../daemon/bin/headwater.js', import.meta.url));

/** @param {number} index */
export const serviceName = (index) => `service-${String(index).padStart(4, '0')}`;
/** @param {string} service */
export const configPath = (service) => `services/${service}/config.json`;

/**
 * About 1 KB of settings as services have them; `value` is the one that changes.
 * @param {number} value
 */
export function configText(value) {
  /** @type {Record<string, unknown>} */
  const config = { vad_threshold: value };
  for (let i = 0; i < 12; i++) {
    config[`timeout_${i}_ms`] = 1000 + i;
    config[`endpoint_${i}`] = `mqtt://node-${i}.local/topic`;
  }
  config.retry = { attempts: 3, backoff_ms: 250, jitter: 0.5 };
  config.labels = ['front', 'left', 'wake'];
  return `${JSON.stringify(config, null, 2)}\n`;
}

function schemaText() {
  /** @type {Record<string, unknown>} */
  const properties = {
    vad_threshold: {
      type: 'number',
      minimum: 0,
      maximum: 1_000_000,
      default: 0.5,
      description: 'Changes in every commit.',
    },
    retry: {
      type: 'object',
      additionalProperties: false,
      properties: {
        attempts: { type: 'integer', minimum: 0 },
        backoff_ms: { type: 'integer', minimum: 0 },
        jitter: { type: 'number', minimum: 0, maximum: 1 },
      },
    },
    labels: { type: 'array', items: { type: 'string' } },
  };
  for (let i = 0; i < 12; i++) {
    properties[`timeout_${i}_ms`] = { type: 'integer', minimum: 0, maximum: 60_000, default: 1000 };
    properties[`endpoint_${i}`] = { type: 'string', minLength: 1, maxLength: 200 };
  }
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A measured service',
    type: 'object',
    additionalProperties: false,
    required: ['vad_threshold'],
    properties,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/**
 * A bare repository with `count` services in the environment "dev".
 * @param {string} folder
 * @param {number} count
 * @returns {Promise<string>} its path
 */
export async function makeRepository(folder, count) {
  const work = join(folder, 'seed');
  const bare = join(folder, 'config.git');
  mkdirSync(join(work, 'schemas'), { recursive: true });
  const settings = { headwater: 1, deployment: 'bench', environments: ['dev'] };
  writeFileSync(join(work, 'headwater.json'), `${JSON.stringify(settings, null, 2)}\n`);
  for (let i = 0; i < count; i++) {
    const service = serviceName(i);
    mkdirSync(join(work, 'services', service), { recursive: true });
    writeFileSync(join(work, configPath(service)), configText(1));
    writeFileSync(join(work, `schemas/${service}.schema.json`), schemaText());
  }
  const git = (...args) =>
    run('git', ['-C', work, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.org', ...args]);
  await git('init', '-q', '-b', 'main');
  await git('add', '-A');
  await git('commit', '-q', '-m', 'Start');
  await run('git', ['clone', '-q', '--bare', work, bare]);
  rmSync(work, { recursive: true });
  return bare;
}

/**
 * Starts a daemon on a repository and waits until it is ready.
 * @param {string} folder
 * @param {string} repository
 * @param {{ nodeArgs?: readonly string[], ipc?: boolean }} [options]
 */
export async function startDaemon(folder, repository, options = {}) {
  const data = join(folder, 'data');
  const args = [
    'serve',
    '--data',
    data,
    '--repo',
    repository,
    '--http',
    '127.0.0.1:0',
    '--mqtt',
    '127.0.0.1:0',
  ];
  const daemon = start(process.execPath, [...(options.nodeArgs ?? []), command, ...args], {
    ipc: options.ipc ?? false,
  });
  const ready = JSON.parse(await daemon.line(/^\{"ready":true/));
  return {
    ...daemon,
    ready,
    data,
    /**
     * @param {string} service
     * @returns {Promise<{ file: string, connection: Record<string, any> }>}
     */
    async enroll(service) {
      const out = join(folder, 'enrolled');
      const where = ['--env', 'dev', '--data', data, '--repo', repository, '--out', out];
      await run(process.execPath, [command, 'enroll', service, ...where]);
      const file = join(out, `${service}.dev.connection.json`);
      return { file, connection: JSON.parse(readFileSync(file, 'utf8')) };
    },
  };
}

/** Bytes of memory that a process holds in RAM. @param {number} pid */
export function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

export { openWriter };
