/**
 * The daemon's last-known-good copies: `<data>/lkg/<env>/<service>.lkg`, in the format every client uses. They are the cursor: a
 * file is written after the broker acknowledged its message, so whatever a crash leaves is published again and never skipped.
 */
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CryptoBackend,
  decodeLkg,
  encodeLkg,
  HeadwaterError,
  isHeadwaterError,
  isName,
  type Keyring,
  type LkgPartName,
  openLkg,
  openMessage,
} from '@headwater/schemas/protocol';
import type { PublishedService } from '../core/plan.ts';
import type { Log } from '../log.ts';
import { writeFileDurably } from './git/durable-fs.ts';

export interface LkgStore {
  /** Every environment that has copies. */
  environments(): Promise<readonly string[]>;
  /** Verified copies of an environment by service. A damaged one is quarantined, reported and left out. */
  readAll(env: string): Promise<Map<string, PublishedService>>;
  write(env: string, service: string, published: PublishedService): Promise<void>;
}

export interface LkgStoreOptions {
  readonly folder: string;
  readonly deployment: string;
  readonly keyring: Keyring;
  readonly hmacKey: Uint8Array;
  readonly crypto: CryptoBackend;
  readonly log: Log;
}

const suffix = '.lkg';

export function createLkgStore(options: LkgStoreOptions): LkgStore {
  return {
    async environments() {
      const names = await listFolder(options.folder);
      return names.filter(isName);
    },
    async readAll(env) {
      const copies = new Map<string, PublishedService>();
      for (const name of await listFolder(join(options.folder, env))) {
        const service = name.slice(0, -suffix.length);
        if (!name.endsWith(suffix) || !isName(service)) continue;
        const published = await readOne(options, env, service);
        if (published) copies.set(service, published);
      }
      return copies;
    },
    async write(env, service, published) {
      const folder = join(options.folder, env);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const parts = new Map<LkgPartName, Uint8Array>([['envelope', published.envelope]]);
      if (published.schemaEnvelope) parts.set('schema', published.schemaEnvelope);
      const header = {
        deployment: options.deployment,
        env,
        service,
        epoch: published.epoch,
        savedAt: new Date().toISOString(),
      };
      const bytes = encodeLkg(header, parts, options.hmacKey, options.crypto);
      await writeFileDurably(join(folder, `${service}${suffix}`), bytes, { mode: 0o600 });
    },
  };
}

async function readOne(
  options: LkgStoreOptions,
  env: string,
  service: string,
): Promise<PublishedService | null> {
  const path = join(options.folder, env, `${service}${suffix}`);
  try {
    return verify(await readFile(path), options, env, service);
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    const quarantine = join(options.folder, env, 'quarantine');
    await mkdir(quarantine, { recursive: true, mode: 0o700 });
    await rename(path, join(quarantine, `${service}${suffix}`));
    options.log.warn(
      { env, service, code: error.code, reason: error.message },
      'last-known-good copy moved to quarantine',
    );
    return null;
  }
}

function verify(bytes: Uint8Array, options: LkgStoreOptions, env: string, service: string): PublishedService {
  const { deployment, keyring, hmacKey, crypto } = options;
  const target = { deployment, env, service };
  const envelope = decodeLkg(bytes, hmacKey, crypto).parts.get('envelope') as Uint8Array;
  const message = openMessage(envelope, ['snapshot', 'tombstone'], target, keyring, crypto);
  if (message.signers.length === 0) {
    throw new HeadwaterError('HW_SIGNER_REVOKED', {
      message: 'every key that signed the copy is revoked',
      hint: 'It is signed anew with the current key.',
    });
  }
  if (message.payload.kind === 'tombstone')
    return { kind: 'tombstone', epoch: message.payload.epoch, envelope };
  const { config, secrets, schema } = openLkg(bytes, target, keyring, hmacKey, crypto);
  return {
    kind: 'snapshot',
    epoch: message.payload.epoch,
    envelope,
    digest: message.payload.digest,
    schema: message.payload.schema,
    secretsRev: secrets?.rev ?? null,
    config,
    ...(schema ? { schemaEnvelope: schema.envelope.bytes } : {}),
  };
}

async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
