import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Config, defaultsOf, judge, schemas } from '../schemas/services/testing/judge.ts';

type Json = Record<string, unknown>;
const root = new URL('./', import.meta.url);
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.pathname.length).replace(/^\//, ''));
const services = [...schemas.keys()];
const environments: Readonly<Record<string, readonly string[]>> = {
  dev: ['dev'],
  prod: ['prod'],
  'robot-7': ['prod', 'robot-7'],
};
const everywhere = Object.keys(environments).flatMap((env) =>
  services.map((service) => [service, env] as const),
);

describe('the starter', () => {
  test('declares its three environments and protects nothing, so that a first push just works', () => {
    expect(read('headwater.json')).toEqual({
      headwater: 1,
      deployment: 'tars',
      environments: ['dev', 'prod', { name: 'robot-7', extends: 'prod' }],
      protected: [],
      review: 'headwater',
      signedCommits: 'off',
      atomicity: 'environment',
    });
  });

  test('has only files that belong into a config repository', () => {
    const envs = Object.keys(environments).join('|');
    const layout = new RegExp(
      `^(headwater\\.json|allowed_signers|README\\.md|\\.gitattributes|\\.sops\\.yaml|starter\\.test\\.ts|presets/[a-z-]+\\.json` +
        `|services/shared(\\.(${envs}))?\\.json|services/(${services.join('|')})/config(\\.(${envs}))?\\.json)$`,
    );
    expect(files.filter((file) => !layout.test(file))).toEqual([]);
    for (const service of services) expect(files).toContain(`services/${service}/config.json`);
  });

  test('is written the way the daemon writes, so that an edit changes one line', () => {
    for (const file of files.filter((name) => name.endsWith('.json'))) {
      expect(text(file), file).toBe(`${JSON.stringify(read(file), null, 2)}\n`);
    }
  });

  test('lets the first edit of the guide take effect in every environment', () => {
    expect(read('services/stt-worker/config.json')).toMatchObject({
      vad_threshold: 0.5,
      whisper_model: 'base.en',
    });
    for (const env of Object.keys(environments)) {
      expect(read(`services/stt-worker/config.${env}.json`)).not.toHaveProperty('vad_threshold');
    }
  });

  test('has no secret in a plain file, and no value in an overlay that changes nothing', () => {
    for (const [service, env] of everywhere) {
      const secrets = Object.entries(schemas.get(service)!.properties).filter(
        ([, s]) => s['x-hw'].secret === true,
      );
      for (const [name] of secrets) expect(resolve(service, env)).not.toHaveProperty(name);
      const below = resolve(service, env, -1);
      const own = layer(`services/${service}/config.${env}.json`);
      expect(Object.keys(own).filter((name) => own[name] === below[name])).toEqual([]);
    }
  });

  test('shares only settings that some service takes', () => {
    const taken = new Set(services.flatMap(sharedNames));
    for (const file of files.filter((name) => name.includes('/shared'))) {
      expect(Object.keys(read(file)).filter((name) => !taken.has(name))).toEqual([]);
    }
    expect(resolve('camera', 'dev').broker_host).toBe('mqtt.local');
    expect(resolve('camera', 'robot-7')).toMatchObject({
      broker_host: 'mqtt.tars.internal',
      log_level: 'warn',
    });
  });

  test.each(everywhere)('gives %s a valid config in %s', (service, env) => {
    expect(judge(service, resolve(service, env))).toEqual([]);
  });

  test('lets robot-7 inherit from prod and differ where it must', () => {
    expect(resolve('tts-worker', 'prod')).toMatchObject({ volume_percent: 80, tts_streaming: true });
    expect(resolve('tts-worker', 'robot-7')).toMatchObject({ volume_percent: 120, tts_streaming: true });
  });
});

describe('the preset night-mode', () => {
  const preset = read('presets/night-mode.json') as { headwater: number; services: Record<string, Json> };

  test.each(everywhere)('leaves %s valid in %s', (service, env) => {
    expect(judge(service, merge(resolve(service, env), preset.services[service] ?? {}))).toEqual([]);
  });

  test('changes something in every service it names, wherever it is activated', () => {
    expect(preset.headwater).toBe(1);
    for (const [service, values] of Object.entries(preset.services)) {
      for (const env of Object.keys(environments)) {
        expect(merge(resolve(service, env), values)).not.toEqual(resolve(service, env));
      }
    }
  });
});

/** Resolution as the contract words it, small enough to check by eye: defaults, shared, base, overlays. */
function resolve(service: string, env: string, dropLast = 0): Config {
  const chain = environments[env] ?? [];
  const shared = ['', ...chain.map((name) => `.${name}`)].map((part) => layer(`services/shared${part}.json`));
  const names = sharedNames(service);
  const taken = shared.map((values) =>
    Object.fromEntries(Object.entries(values).filter(([k]) => names.includes(k))),
  );
  const overlays = (dropLast === 0 ? chain : chain.slice(0, dropLast)).map((name) => `.${name}`);
  const own = ['', ...overlays].map((part) => layer(`services/${service}/config${part}.json`));
  return [...taken, ...own].reduce<Json>((below, above) => merge(below, above), defaultsOf(service));
}

function merge(below: Config, above: Config): Json {
  const { $comment: _, ...values } = above;
  return { ...below, ...values };
}

function sharedNames(service: string): string[] {
  const settings = Object.entries(schemas.get(service)!.properties);
  return settings.filter(([, setting]) => setting['x-hw'].shared === true).map(([name]) => name);
}

function layer(file: string): Json {
  return files.includes(file) ? read(file) : {};
}

function read(file: string): Json {
  return JSON.parse(text(file)) as Json;
}

function text(file: string): string {
  return readFileSync(new URL(file, root), 'utf8');
}
