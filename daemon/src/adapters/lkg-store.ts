/**
 * The daemon's last-known-good copies: `<data>/lkg/<env>/<service>.lkg`, in the format every client uses. They are the cursor: a
 * file is written after the broker acknowledged its message, so whatever a crash leaves is published again and never skipped.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
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
  parseEnvelope,
} from '@headwater/schemas/protocol';
import type { Log } from '../log.ts';
import type { PublishedService } from '../publishing/plan.ts';
import { storageFailed, writeFileDurably } from './git/durable-fs.ts';

export interface LkgStore {
  /** Every environment that has copies. Never throws: a folder that cannot be read is reported and has none. */
  environments(): Promise<readonly string[]>;
  /** Verified copies of an environment by service. A damaged one is quarantined, reported and left out. Never throws. */
  readAll(env: string): Promise<Map<string, PublishedService>>;
  /** @throws HeadwaterError `HW_STORAGE_FAILED`. */
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
/** Quarantined copies kept per environment, for whoever looks for the cause. */
const maxQuarantined = 5;
/** Copies read side by side: most of the time goes into waiting for the disk. */
const readAtOnce = 32;

export function createLkgStore(options: LkgStoreOptions): LkgStore {
  return {
    async environments() {
      const names = await listFolder(options.folder, options);
      return names.filter(isName);
    },
    async readAll(env) {
      const services = (await listFolder(join(options.folder, env), options))
        .filter((name) => name.endsWith(suffix))
        .map((name) => name.slice(0, -suffix.length))
        .filter(isName);
      const copies = new Map<string, PublishedService>();
      for (let start = 0; start < services.length; start += readAtOnce) {
        const some = services.slice(start, start + readAtOnce);
        const read = await Promise.all(some.map((service) => readOne(options, env, service)));
        read.forEach((published, at) => {
          if (published) copies.set(some[at] as string, published);
        });
      }
      return copies;
    },
    async write(env, service, published) {
      const folder = join(options.folder, env);
      await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
        throw storageFailed('mkdir', folder, error);
      });
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
    const { code, message } = error as NodeJS.ErrnoException;
    const fields = { env, service, code, reason: message };
    if (!isHeadwaterError(error)) {
      // The disk's fault, not the copy's: it stays where it is, and what it held is published anew.
      options.log.warn(fields, 'last-known-good copy cannot be read');
      return null;
    }
    options.log.warn(fields, 'last-known-good copy refused, moving it to quarantine');
    await quarantine(path, join(options.folder, env, 'quarantine'), `${service}${suffix}`).catch(
      (cause: unknown) => options.log.warn({ env, service, err: cause }, 'quarantine failed'),
    );
    return null;
  }
}

async function quarantine(path: string, folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Names begin with the time, so that the oldest come first.
  await rename(path, join(folder, `${new Date().toISOString().replaceAll(':', '')}.${name}`));
  const kept = (await readdir(folder)).sort();
  for (const old of kept.slice(0, -maxQuarantined)) await rm(join(folder, old), { force: true });
}

/** Every signature is verified once: ten thousand copies stand between a start and its first message. */
function verify(bytes: Uint8Array, options: LkgStoreOptions, env: string, service: string): PublishedService {
  const { deployment, keyring, hmacKey, crypto } = options;
  const target = { deployment, env, service };
  const envelope = decodeLkg(bytes, hmacKey, crypto).parts.get('envelope') as Uint8Array;
  if (parseEnvelope(envelope).kind === 'tombstone') {
    const { payload, signers } = openMessage(envelope, ['tombstone'], target, keyring, crypto);
    requireSigner(signers);
    return { kind: 'tombstone', epoch: payload.epoch, envelope };
  }
  const { message, config, secrets, schema } = openLkg(bytes, target, keyring, hmacKey, crypto);
  requireSigner(message.signers);
  if (message.payload.kind !== 'snapshot') {
    throw new HeadwaterError('HW_LKG_CORRUPT', {
      message: `the copy holds a ${message.payload.kind}, expected a snapshot`,
      hint: 'A daemon keeps what stands on the snapshot topic; it is published anew.',
    });
  }
  const { epoch, digest } = message.payload;
  return {
    kind: 'snapshot',
    epoch,
    envelope,
    digest,
    schema: message.payload.schema,
    secrets,
    config,
    ...(schema && schema.signers.length > 0 ? { schemaEnvelope: schema.envelope.bytes } : {}),
  };
}

function requireSigner(signers: readonly string[]): void {
  if (signers.length > 0) return;
  throw new HeadwaterError('HW_SIGNER_REVOKED', {
    message: 'every key that signed the copy is revoked',
    hint: 'It is signed anew with the current key.',
  });
}

async function listFolder(path: string, { log }: LkgStoreOptions): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ folder: path, err: error }, 'last-known-good copies cannot be read');
    return [];
  }
}
