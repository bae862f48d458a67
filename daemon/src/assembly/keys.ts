/** The keys that sign, taken over anew whenever a command changed them. */
import { isHeadwaterError } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { endSigningGrace } from '../adapters/data/key-changes.ts';
import type { KeyStore } from '../adapters/data/key-store.ts';
import { Attention } from '../attention.ts';
import { createKeyDesk, type KeyDesk } from '../keys/key-desk.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Audit } from '../ports.ts';
import type { Receipts } from '../receipts.ts';
import type { Context } from './context.ts';

export interface KeyParts {
  readonly keys: KeyStore;
  readonly pipeline: () => Pipeline;
  readonly receipts: Receipts;
  readonly audit: Audit;
}

/** Grace periods last days. */
const lookMs = 30_000;

export function openKeyDesk(
  { folder, problems, clock, log, scope, fatal }: Context,
  { keys, pipeline, receipts, audit }: KeyParts,
): KeyDesk {
  const attention = new Attention(problems, log);
  const desk = createKeyDesk({
    ...{ keys, receipts, audit, attention, clock, log, crypto: nodeCrypto },
    onKeys: () => pipeline().onKeys(),
    endGrace: () => endSigningGrace(folder),
  });
  const look = () =>
    void desk.look().catch((error: unknown) => {
      if (isHeadwaterError(error)) attention.report('keys-files', error);
      else fatal(error);
    });
  const timer = setInterval(look, lookMs).unref();
  scope.defer(() => clearInterval(timer));
  return desk;
}
