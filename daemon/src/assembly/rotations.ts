/** What was replaced and still counts for a while, and the look now and then that ends it. */
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import type { EmbeddedBroker } from '../adapters/broker/embedded-broker.ts';
import { openRotationStore } from '../adapters/data/rotation-store.ts';
import type { TokenStore } from '../adapters/data/token-store.ts';
import { Attention } from '../attention.ts';
import type { ReadBlob } from '../core/files.ts';
import type { Editor } from '../editing/edit.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Audit, ObjectReader } from '../ports.ts';
import type { Receipts } from '../receipts.ts';
import { createIdentityGrace } from '../rotation/identity-grace.ts';
import { SerialQueue } from '../serial-queue.ts';
import type { Context } from './context.ts';

export interface RotationParts {
  readonly receipts: Receipts;
  readonly embedded: EmbeddedBroker | null;
  readonly tokens: TokenStore;
  readonly editor: Editor;
  readonly pipeline: Pipeline;
  readonly reader: Pick<ObjectReader, 'findFiles'>;
  readonly readBlob: ReadBlob;
  readonly audit: Audit;
}

/** Grace periods last days; a command that ends one shall not wait long. */
const lookMs = 5_000;

export function openRotations(
  { folder, problems, clock, log, scope, fatal }: Context,
  parts: RotationParts,
): void {
  const { embedded, pipeline, ...rest } = parts;
  const grace = createIdentityGrace({
    ...rest,
    store: openRotationStore(folder),
    connections: (tokenId) => embedded?.countConnections((identity) => identity.tokenId === tokenId) ?? 0,
    newest() {
      const { index, at } = pipeline.engine ?? {};
      return index && at ? { index, commit: at.commit } : null;
    },
    attention: new Attention(problems, log),
    crypto: nodeCrypto,
    ...{ clock, log },
  });
  const queue = new SerialQueue();
  const look = () => void queue.run(() => grace.look()).catch(fatal);
  const timer = setInterval(look, lookMs).unref();
  scope.defer(() => {
    clearInterval(timer);
    return queue.idle();
  });
  look();
}
