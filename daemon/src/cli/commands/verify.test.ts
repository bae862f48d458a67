import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, encodeLkg, type JsonObject, signEnvelope, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DataScene, makeDataScene } from '../testing/data-scene.ts';
import { makePlayground, type Playground } from '../testing/run-command.ts';

let play: Playground;
let scene: DataScene;
beforeEach(async () => {
  play = makePlayground();
  scene = await makeDataScene(play.folder);
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
  play[Symbol.dispose]();
});

const credentials = () => join(play.folder, 'config-home/headwater/tars');
const connectionFile = () => join(credentials(), 'stt-worker.dev.connection.json');
const enroll = (...args: string[]) =>
  play.run('enroll', 'stt-worker', '--env', 'dev', '--data', 'data', ...args);

describe('verify and keys', () => {
  const config: JsonObject = { vad_threshold: 0.5 };
  const recipient = `age1${'q'.repeat(58)}`;
  const sealed = { rev: 'ab'.repeat(32), recipients: [recipient], sealed: 'the sealed text' };
  const snapshot = (digest = digestOf(config, nodeCrypto), secrets: JsonObject | null = null) => {
    const payload = {
      ...{
        v: 1,
        kind: 'snapshot',
        deployment: 'tars',
        issuedAt: new Date().toISOString(),
        env: 'dev',
        service: 'stt-worker',
      },
      ...{
        epoch: { era: 1, seq: 7, commit: 'c'.repeat(40) },
        schema: `sha256:${'0'.repeat(64)}`,
        digest,
        config,
        secrets,
      },
    };
    return signEnvelope('snapshot', utf8(JSON.stringify(payload)), [scene.keys.signing], nodeCrypto);
  };
  const verify = async (bytes: Uint8Array, ...args: string[]) => {
    writeFileSync(join(play.folder, 'm'), bytes);
    return play.run('verify', 'm', '--json', ...args);
  };
  const signer = () => [...scene.keyring.entries.keys()];

  test('prove a message by the keys of the data folder, of a connection file, or by a root and its key list', async () => {
    await enroll();
    writeFileSync(join(play.folder, 'keys'), scene.keyring.envelope);
    for (const trust of [
      ['--data', 'data'],
      ['--connection', connectionFile()],
      ['--trust', scene.keys.roots[0] as string, '--keys', 'keys'],
    ]) {
      const { exit, json } = await verify(snapshot(), ...trust);
      expect([exit, json()]).toEqual([
        0,
        expect.objectContaining({
          ok: true,
          kind: 'snapshot',
          about: 'tars/dev/stt-worker',
          epoch: '#7 · ccccccc',
          signers: signer(),
        }),
      ]);
    }
  });

  test('say who the secrets of a message or of a copy are sealed for, and show nothing of them', async () => {
    const said = async (bytes: Uint8Array) => {
      const { exit, json, stdout } = await verify(bytes, '--data', 'data');
      expect([exit, stdout]).toEqual([0, expect.not.stringContaining('sealed text')]);
      return json<{ secrets: string }>().secrets;
    };
    const header = {
      ...{ deployment: 'tars', env: 'dev', service: 'stt-worker', savedAt: '2026-01-01T00:00:00Z' },
      epoch: { era: 1, seq: 7, commit: 'c'.repeat(40) },
    };
    const digest = digestOf(config, nodeCrypto);
    const one = snapshot(digest, sealed);
    const copy = encodeLkg(header, new Map([['envelope', one]]), new Uint8Array(32), nodeCrypto);
    for (const bytes of [one, copy])
      expect(await said(bytes)).toBe(`sealed for ${recipient}; revision abababababab`);
    expect(await said(snapshot())).toBe('none');
    const unsealed = { ...sealed, recipients: [], sealed: null };
    expect(await said(snapshot(digest, unsealed))).toBe('not sealed: the service has no recipient');
    const many = { ...sealed, recipients: Array.from({ length: 5 }, () => recipient) };
    expect(await said(snapshot(digest, many))).toContain(' and 2 more; revision');
  });

  test('say no to changed bytes, a foreign signer and a wrong digest, each with its reason', async () => {
    const changed = Buffer.from(Buffer.from(snapshot()).toString('utf8').replace('0.5', '0.6'));
    expect(await verify(changed, '--data', 'data')).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_SIGNATURE_INVALID'),
    });
    const lying = snapshot(`sha256:${'1'.repeat(64)}`);
    expect(await verify(lying, '--data', 'data')).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_DIGEST_MISMATCH'),
    });
    const other = makePlayground();
    const stranger = await makeDataScene(other.folder);
    try {
      expect(await verify(snapshot(), '--data', stranger.path)).toMatchObject({
        exit: 1,
        stdout: expect.stringContaining('HW_SIGNER_UNKNOWN'),
      });
    } finally {
      await stranger[Symbol.asyncDispose]();
      other[Symbol.dispose]();
    }
  });

  test('prove a last-known-good file without the key of its owner', async () => {
    const header = {
      deployment: 'tars',
      env: 'dev',
      service: 'stt-worker',
      epoch: { era: 1, seq: 7, commit: 'c'.repeat(40) },
    };
    const bytes = encodeLkg(
      { ...header, savedAt: new Date().toISOString() },
      new Map([['envelope', snapshot()]]),
      new Uint8Array(32).fill(7),
      nodeCrypto,
    );
    expect((await verify(bytes, '--data', 'data')).json()).toMatchObject({
      ok: true,
      about: 'tars/dev/stt-worker',
      epoch: '#7 · ccccccc',
    });
    const wrong = encodeLkg(
      { ...header, service: 'camera', savedAt: '2026-01-01T00:00:00Z' },
      new Map([['envelope', snapshot()]]),
      new Uint8Array(32),
      nodeCrypto,
    );
    expect(await verify(wrong, '--data', 'data')).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_MESSAGE_WRONG_TARGET'),
    });
  });

  test('judge the keys in a connection file, by another root when one is given', async () => {
    await enroll();
    expect((await play.run('verify', connectionFile(), '--json')).json()).toMatchObject({
      ok: true,
      note: "judged by the file's own trust",
    });
    const otherRoot = scene.keys.signers[0] as string;
    expect(await play.run('verify', connectionFile(), '--trust', otherRoot)).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('HW_SIGNER_UNKNOWN'),
    });
  });

  test('ask whose signature should count, and do not call that a verdict', async () => {
    expect(await verify(snapshot())).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('HW_NO_TRUST'),
    });
  });

  test('show public keys only', async () => {
    const { stdout } = await play.run('keys', 'show', '--data', 'data');
    for (const key of [...scene.keys.roots, ...scene.keys.signers, scene.recipient])
      expect(stdout).toContain(key);
    expect(stdout).toContain(
      `\nheadwater@localhost namespaces="git" ${scene.commitKey.publicKey} headwater\n`,
    );
    expect(stdout).not.toContain('AGE-SECRET-KEY-');
    for (const name of ['root.key', 'signing.key', 'hmac.key', 'commit.key']) {
      expect(stdout).not.toContain(readFileSync(join(scene.path, 'keys', name), 'utf8').trim());
    }
  });
});
