/** The daemon's last-known-good copies: what was published, and the cursor of what is published next. */
import type { Keyring } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { KeyStore } from '../adapters/data/key-store.ts';
import { createLkgStore } from '../adapters/lkg-store.ts';
import { problemOf } from '../problems.ts';
import { LkgWriter } from '../publishing/lkg-writer.ts';
import type { PublishedService } from '../publishing/plan.ts';
import type { Context } from './context.ts';

export interface Copies {
  readonly lkg: LkgWriter;
  /** By environment and service, verified. */
  readonly stored: ReadonlyMap<string, Map<string, PublishedService>>;
}

export async function openCopies(
  context: Context,
  deployment: string,
  keyring: Keyring,
  keys: KeyStore,
): Promise<Copies> {
  const { folder, problems, log, scope } = context;
  const store = createLkgStore({
    folder: folder.lkgDir,
    deployment,
    keyring,
    // Rotated while the daemon runs, too.
    get hmacKey() {
      return keys.hmac;
    },
    crypto: nodeCrypto,
    log,
  });
  const stored = new Map<string, Map<string, PublishedService>>();
  for (const env of await store.environments()) stored.set(env, await store.readAll(env));
  const lkg = new LkgWriter(store, (error) => {
    if (error !== null) {
      if (problems.set('lkg', problemOf(error, 'HW_STORAGE_FAILED')))
        log.error(
          { err: error },
          'last-known-good copies cannot be written; config is published all the same',
        );
    } else if (problems.clear('lkg')) log.info({}, 'last-known-good copies are written again');
  });
  scope.defer(() => lkg.flush());
  return { lkg, stored };
}
