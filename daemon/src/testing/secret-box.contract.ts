/** What every secret box does. */
import { parseSecretsBundle } from '@headwater/schemas/protocol';
import { expect, test } from 'vitest';
import type { SealRequest, SecretBox } from '../ports.ts';
import { makeTestKey, type TestKey } from './secrets-file.ts';

export interface SecretBoxScene {
  readonly box: SecretBox;
  /** Content of a sealed text as the holder of a key sees it, `null` when the key does not open it. */
  open(sealed: string, key: TestKey): Promise<Uint8Array | null>;
}

const target = { deployment: 'tars', env: 'prod', service: 'stt-worker', rev: 'a'.repeat(64) };
const request = (values: Readonly<Record<string, string>>, ...keys: readonly TestKey[]): SealRequest => ({
  ...target,
  values: new Map(Object.entries(values)),
  recipients: keys.map(({ recipient }) => recipient),
});

export function describeSecretBox(scene: () => SecretBoxScene): void {
  test('every recipient opens it, and nobody else', async () => {
    const { box, open } = scene();
    const [a, b, other] = [await makeTestKey(), await makeTestKey(), await makeTestKey()];
    const sealed = await box.seal(request({ '/token': 'hunter2', '/tls/key': 'x\n"y"' }, a, b));
    for (const key of [a, b]) {
      const bundle = parseSecretsBundle((await open(sealed, key)) as Uint8Array, target);
      expect(bundle.values).toEqual({ '/token': 'hunter2', '/tls/key': 'x\n"y"' });
    }
    expect(await open(sealed, other)).toBeNull();
  });

  test('its size tells little: it grows in steps of 256 bytes', async () => {
    const { box, open } = scene();
    const key = await makeTestKey();
    const sizes = new Set<number>();
    for (let length = 1; length <= 256; length += 15) {
      const sealed = await box.seal(request({ '/token': 'x'.repeat(length) }, key));
      sizes.add((await open(sealed, key))?.length ?? 0);
    }
    expect(sizes.size).toBeLessThanOrEqual(2);
    for (const size of sizes) expect(size % 256).toBe(0);
  });

  test('two calls give two texts', async () => {
    const { box } = scene();
    const one = request({ '/token': 'hunter2' }, await makeTestKey());
    expect(await box.seal(one)).not.toBe(await box.seal(one));
  });

  test('it refuses more than receivers take, without a word of what it was', async () => {
    const { box } = scene();
    const one = request({ '/token': 'hunter2\u0001'.repeat(40_000) }, await makeTestKey());
    const error = await box.seal(one).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: 'HW_SECRET_TOO_LARGE' });
    expect(`${(error as Error).message}${(error as Error).stack}`).not.toContain('hunter2');
  });

  test.each([
    ['none', []],
    ['one that is no key', ['age1nonsense']],
  ])('it refuses recipients: %s', async (_, recipients) => {
    const { box } = scene();
    const sealing = box.seal({ ...request({ '/token': 'hunter2' }), recipients });
    await expect(sealing).rejects.toMatchObject({ code: 'HW_KEY_INVALID' });
  });
}
