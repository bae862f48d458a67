import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HeadwaterError, type JsonObject, type Keyring, openKeys } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLkgStore, type LkgStore } from './lkg-store.ts';
import { initialState, step } from './machine.ts';
import type { MachineState } from './machine-state.ts';
import { PlainOpener, sealPlainly } from './test-support/plain-secrets.ts';
import { MessageMaker, newKey } from './testing/message-maker.ts';

const target = { deployment: 'tars', env: 'prod', service: 'stt-worker' };
const isPosix = process.platform !== 'win32';

let folder: string;
let maker: MessageMaker;
let troubles: HeadwaterError[];
let opener: PlainOpener;
beforeEach(() => {
  opener = new PlainOpener();
  folder = mkdtempSync(join(tmpdir(), 'headwater-lkg-'));
  maker = new MessageMaker(target);
  troubles = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const store = (more: object = {}): LkgStore =>
  createLkgStore({
    cacheDir: folder,
    stateDir: folder,
    target,
    roots: maker.trust,
    keys: maker.keysText(),
    crypto: nodeCrypto,
    openSecrets: opener.open,
    onTrouble: (error) => troubles.push(error),
    ...more,
  });
const keyring = (version = 1) =>
  openKeys(maker.keys(version), { roots: maker.trust, deployment: 'tars', version: 0 }, nodeCrypto);
const lkgPath = () => join(folder, 'tars', 'prod', 'stt-worker.lkg');
const marksPath = () => join(folder, 'tars', 'prod', 'stt-worker.marks.json');
const codes = () => troubles.map((error) => error.code);
const quarantined = () => {
  const path = join(folder, 'tars', 'prod', 'quarantine');
  return existsSync(path) ? readdirSync(path) : [];
};

/** What a machine holds after these messages. */
const stateOf = (...messages: readonly Uint8Array[]) => stateWith(keyring(), ...messages);

function stateWith(ring: Keyring, ...messages: readonly Uint8Array[]): MachineState {
  const deps = {
    target,
    roots: maker.trust,
    crypto: nodeCrypto,
    random: () => 0,
    check: () => null,
    openSecrets: opener.open,
  };
  return messages.reduce(
    (state, bytes) => step(state, { type: 'message', topic: 'diff', bytes }, 0, deps).state,
    initialState({ keyring: ring }),
  );
}

/** The same after these documents: a snapshot, then diffs. */
function stateAfter(...configs: readonly JsonObject[]): MachineState {
  const messages = configs.map((config, index) => {
    const base = { epoch: maker.epoch(index), config: configs[index - 1] ?? {} };
    const epoch = maker.epoch(index + 1);
    return index === 0 ? maker.snapshot(epoch, config) : maker.diff(base, epoch, config);
  });
  return stateOf(...messages);
}

async function save(state: MachineState, into = store()): Promise<void> {
  into.load();
  if (state.held) await into.save(state.held, state.schema, state.marks, state.keyring);
}

/** Exhaustive tests take two seconds alone, and longer on a busy machine. */
const exhaustiveMs = 60_000;

describe('a saved copy', () => {
  test('comes back whole, from a snapshot and from a diff', async () => {
    await save(stateAfter({ a: 1 }));
    expect(store().load().held).toMatchObject({ config: { a: 1 }, epoch: { seq: 1 }, source: 'lkg' });
    await save(stateAfter({ a: 1 }, { a: 2, b: [1] }));
    expect(store().load().held).toMatchObject({ config: { a: 2, b: [1] }, kind: 'diff' });
    expect(codes()).toEqual([]);
  });

  test.runIf(isPosix)('is readable by its owner only, and leaves no temporary files', async () => {
    await save(stateAfter({ a: 1 }));
    for (const path of [lkgPath(), marksPath(), join(folder, 'hmac.key')])
      expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'tars', 'prod')).sort()).toEqual([
      'stt-worker.lkg',
      'stt-worker.marks.json',
    ]);
  });

  test(
    'cut at every length is never used and never stops the start',
    async () => {
      await save(stateAfter({ a: 1 }, { a: 2 }));
      const whole = readFileSync(lkgPath());
      for (let length = 0; length < whole.length; length++) {
        writeFileSync(lkgPath(), whole.subarray(0, length));
        expect(store().load().held).toBeUndefined();
        expect(existsSync(lkgPath())).toBe(false);
      }
      expect(quarantined()).toHaveLength(5);
    },
    exhaustiveMs,
  );

  test(
    'with any byte changed gives the very same config or nothing',
    async () => {
      await save(stateAfter({ a: 1 }, { a: 2 }));
      const whole = readFileSync(lkgPath());
      for (let at = 0; at < whole.length; at++) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
        writeFileSync(lkgPath(), bytes);
        const { held, isUnsealed } = store().load();
        if (!held) continue;
        expect(held.config).toEqual({ a: 2 });
        expect(held.epoch.seq).toBe(2);
        expect(isUnsealed).toBe(true);
      }
    },
    exhaustiveMs,
  );

  test('that is older than the mark is a rollback', async () => {
    await save(stateAfter({ a: 1 }));
    const old = readFileSync(lkgPath());
    await save(stateAfter({ a: 1 }, { a: 2 }));
    writeFileSync(lkgPath(), old);
    expect(store().load().held).toBeUndefined();
    expect(codes()).toEqual(['HW_LKG_ROLLBACK']);
    expect(quarantined()).toHaveLength(1);
  });

  test('that is newer than the mark was written just before a crash, and is taken', async () => {
    await save(stateAfter({ a: 1 }));
    const marks = readFileSync(marksPath());
    await save(stateAfter({ a: 1 }, { a: 2 }));
    writeFileSync(marksPath(), marks);
    const start = store().load();
    expect(start.held?.config).toEqual({ a: 2 });
    expect(Object.values(start.marks?.service ?? {})[0]?.document?.epoch.seq).toBe(2);
  });

  test('from another host is used, and says that its seal is broken', async () => {
    await save(stateAfter({ a: 1 }));
    rmSync(join(folder, 'hmac.key'));
    expect(store().load()).toMatchObject({ held: { config: { a: 1 } }, isUnsealed: true });
    expect(codes()).toEqual(['HW_CACHE_UNSEALED']);
  });

  test('of another service is refused', async () => {
    await save(stateAfter({ a: 1 }));
    const camera = { ...target, service: 'camera' };
    writeFileSync(join(folder, 'tars', 'prod', 'camera.lkg'), readFileSync(lkgPath()));
    expect(store({ target: camera }).load().held).toBeUndefined();
    expect(codes()).toEqual(['HW_LKG_WRONG_TARGET']);
  });
});

describe('the secrets of a copy', () => {
  const secrets = sealPlainly(1, { '/key': 'canary-9b' });
  const resealed = sealPlainly(1, { '/key': 'canary-9b' }, {}, 'of another replica');
  const at = (seq: number) => ({ epoch: maker.epoch(seq), config: { a: seq } });
  const unchanged = (seq: number) => maker.diff(at(seq - 1), maker.epoch(seq), { a: seq });
  const start = () => store().load().held;
  const secretOf = (held = start()) =>
    held?.opened.state === 'open' ? held.opened.values.get('/key') : held?.opened.state;
  const opensTo = async (...messages: readonly Uint8Array[]) => {
    await save(stateOf(...messages));
    opener.opened = 0;
    expect([secretOf(), opener.opened]).toEqual(['canary-9b', 1]);
    expect(codes()).toEqual([]);
  };

  test('open again without a network: of a snapshot, and of a diff after it that left them unchanged', async () => {
    const snapshot = maker.snapshot(maker.epoch(1), { a: 1 }, { secrets });
    await opensTo(snapshot);
    await opensTo(snapshot, unchanged(2), unchanged(3));
    expect(partNames()).toEqual(['envelope', 'document', 'secrets']);
    expect(start()?.config).toEqual({ a: 3 });
  });

  test('are the very bundle that was opened, also when a later snapshot brought another of the same revision', async () => {
    const later = maker.snapshot(maker.epoch(2), { a: 2 }, { secrets: { ...resealed, sealed: 'damaged' } });
    await opensTo(maker.snapshot(maker.epoch(1), { a: 1 }, { secrets }), later);
    expect(partNames()).toEqual(['envelope', 'secrets']);
    expect(start()).toMatchObject({ config: { a: 2 }, secrets });
  });

  test('that are of another revision than the config make the copy useless', async () => {
    const state = stateOf(maker.snapshot(maker.epoch(1), { a: 1 }, { secrets }));
    const other = maker.snapshot(maker.epoch(1), { a: 1 }, { secrets: sealPlainly(2, {}) });
    await save({ ...state, held: state.held && { ...state.held, secretsEnvelope: other } });
    expect(start()).toBeUndefined();
    expect(codes()).toEqual(['HW_LKG_CORRUPT']);
  });

  test('that do not open leave the config usable, and open once the identity is there', async () => {
    await save(stateOf(maker.snapshot(maker.epoch(1), { a: 1 }, { secrets })));
    opener.hasIdentity = false;
    expect([start()?.config, secretOf()]).toEqual([{ a: 1 }, 'unavailable']);
    opener.hasIdentity = true;
    expect(secretOf()).toBe('canary-9b');
  });

  test('that are foreign are reported, and the config starts without them', async () => {
    opener.hasIdentity = false;
    const foreign = sealPlainly(1, {}, { service: 'camera' });
    await save(stateOf(maker.snapshot(maker.epoch(1), { a: 1 }, { secrets: foreign })));
    opener.hasIdentity = true;
    const { held } = store().load();
    expect([held?.config, held?.opened.state]).toEqual([{ a: 1 }, 'unavailable']);
    expect(codes()).toEqual(['HW_SECRETS_FOREIGN']);
    expect(quarantined()).toEqual([]);
  });

  test('whose carrier only a revoked key signed say so', async () => {
    const thief = newKey();
    const keysOf = (version: number, more: object) =>
      maker.keys(version, [maker.signer(), maker.signer(thief, more)]);
    const ring = (bytes: Uint8Array) =>
      openKeys(bytes, { roots: maker.trust, deployment: 'tars', version: 0 }, nodeCrypto);
    const carrier = maker.snapshot(maker.epoch(1), { a: 1 }, { secrets, by: [thief] });
    const known = stateWith(ring(keysOf(2, {})), carrier, unchanged(2));
    const into = store();
    into.load();
    if (known.held) await into.save(known.held, null, known.marks, known.keyring);
    const revoked = keysOf(3, { revoked: '2026-02-01T00:00:00Z' });
    await into.saveKeys(revoked, 3);
    expect(initialState(store().load()).status).toEqual({ state: 'lkg', reason: 'signer-revoked' });
  });

  test(
    'with any byte of the file changed are the very same or not there',
    async () => {
      await save(stateOf(maker.snapshot(maker.epoch(1), { a: 1 }, { secrets }), unchanged(2)));
      const whole = readFileSync(lkgPath());
      for (let at = 0; at < whole.length; at++) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
        writeFileSync(lkgPath(), bytes);
        const held = start();
        if (held) expect([held.config, secretOf(held)]).toEqual([{ a: 2 }, 'canary-9b']);
      }
    },
    exhaustiveMs,
  );

  const partNames = () =>
    JSON.parse(readFileSync(lkgPath(), 'utf8').split('\n')[1] as string).parts.map(
      ({ name }: { name: string }) => name,
    );
});

describe('several processes of one service', () => {
  test('an older write does not replace a newer one', async () => {
    await save(stateAfter({ a: 1 }, { a: 2 }, { a: 3 }));
    await save(stateAfter({ a: 1 }, { a: 2 }));
    expect(store().load().held?.config).toEqual({ a: 3 });
  });

  test('writes at the same time leave one whole copy of the newest', async () => {
    const states = [1, 2, 3, 4].map((n) =>
      stateAfter(...Array.from({ length: n }, (_, i) => ({ a: i + 1 }))),
    );
    await Promise.all(states.map((state) => save(state)));
    expect(store().load().held?.config).toEqual({ a: 4 });
    expect(codes()).toEqual([]);
    expect(existsSync(join(folder, 'tars', 'prod', 'stt-worker.lock'))).toBe(false);
  });

  test('a lock left by a process that died is taken over', async () => {
    mkdirSync(join(folder, 'tars', 'prod'), { recursive: true, mode: 0o700 });
    const lock = join(folder, 'tars', 'prod', 'stt-worker.lock');
    writeFileSync(lock, '999999999 dead');
    const { utimesSync } = await import('node:fs');
    utimesSync(lock, new Date(Date.now() - 5_000), new Date(Date.now() - 5_000));
    await save(stateAfter({ a: 1 }));
    expect(store().load().held?.config).toEqual({ a: 1 });
  });
});

describe('the key list', () => {
  test('a newer one from the network is loaded before the copy that needs it', async () => {
    const first = store();
    first.load();
    await first.saveKeys(maker.keys(4), 4);
    expect(store().load().keyring?.version).toBe(4);
    await first.saveKeys(maker.keys(3), 3);
    expect(store().load().keyring?.version).toBe(4);
  });

  test('one of strangers in its place is not trusted', async () => {
    const first = store();
    first.load();
    await first.saveKeys(new MessageMaker(target).keys(9), 9);
    expect(store().load().keyring?.version).toBe(1);
    expect(codes()).toContain('HW_SIGNER_UNKNOWN');
  });
});

describe('folders that cannot be used', () => {
  test('a file in place of the folder: runs without a cache and says so', async () => {
    writeFileSync(join(folder, 'file'), '');
    const broken = store({ cacheDir: join(folder, 'file'), stateDir: join(folder, 'file') });
    expect(broken.load().keyring?.version).toBe(1);
    await broken.save(stateAfter({ a: 1 }).held as never, null, stateAfter().marks, null);
    expect(codes()).toEqual(['HW_CACHE_UNAVAILABLE']);
  });

  test.runIf(isPosix)('a link in place of a folder or of the copy is never followed', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'headwater-elsewhere-'));
    try {
      mkdirSync(join(folder, 'tars'), { mode: 0o700 });
      symlinkSync(elsewhere, join(folder, 'tars', 'prod'));
      await save(stateAfter({ a: 1 }));
      expect(codes()).toEqual(['HW_CACHE_UNAVAILABLE']);
      expect(readdirSync(elsewhere)).toEqual([]);

      rmSync(join(folder, 'tars', 'prod'));
      mkdirSync(join(folder, 'tars', 'prod'), { mode: 0o700 });
      writeFileSync(join(elsewhere, 'victim'), 'mine');
      symlinkSync(join(elsewhere, 'victim'), lkgPath());
      await save(stateAfter({ a: 1 }));
      expect(readFileSync(join(elsewhere, 'victim'), 'utf8')).toBe('mine');
      expect(store().load().held?.config).toEqual({ a: 1 });
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  test.runIf(isPosix)('a folder that everybody may write is not used', async () => {
    const { chmodSync } = await import('node:fs');
    chmodSync(folder, 0o777);
    await save(stateAfter({ a: 1 }));
    expect(codes()).toEqual(['HW_CACHE_UNAVAILABLE']);
    expect(readdirSync(folder)).not.toContain('hmac.key');
  });
});

test('a damaged marks file is moved aside and the copy still serves', async () => {
  await save(stateAfter({ a: 1 }));
  writeFileSync(marksPath(), '{"v":1');
  expect(store().load().held?.config).toEqual({ a: 1 });
  expect(codes()).toEqual(['HW_LKG_CORRUPT']);
});
