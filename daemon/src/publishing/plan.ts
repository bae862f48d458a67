/** What must be published so that one environment's topics say what is live. Pure. */
import { compareEpochs, type Epoch, type JsonObject, type SealedSecrets } from '@headwater/schemas/protocol';
import type { LiveService } from '../epochs/environment-track.ts';
import { epochAt } from '../epochs/place.ts';

/** What stands on a service's topics, as this daemon put it there or found and verified it. */
export interface PublishedService {
  readonly kind: 'snapshot' | 'tombstone';
  readonly epoch: Epoch;
  /** The message on the snapshot topic, byte for byte. */
  readonly envelope: Uint8Array;
  /** Of a snapshot only. */
  readonly digest?: string;
  readonly schema?: string;
  /** As the message carries them: the sealed bundle of a `rev` is made once. */
  readonly secrets?: SealedSecrets | null;
  readonly config?: JsonObject;
  /** The message on the schema topic, byte for byte. */
  readonly schemaEnvelope?: Uint8Array;
}

export type ServicePlan =
  | {
      readonly action: 'publish';
      readonly service: string;
      readonly epoch: Epoch;
      readonly live: LiveService;
      readonly newSchema: boolean;
      readonly previous: PublishedService | null;
    }
  | { readonly action: 'remove'; readonly service: string; readonly epoch: Epoch }
  /** Something newer stands on the topic: another daemon is ahead of this one. */
  | { readonly action: 'stand-by'; readonly service: string; readonly epoch: Epoch }
  /** Something else stands there at the very same epoch. Clients refuse that whoever sends it, so nothing is sent. */
  | { readonly action: 'conflict'; readonly service: string; readonly epoch: Epoch };

/**
 * Plans one service.
 * @param removedAt Where the service left the tree, for its tombstone.
 * @returns `null` when its topics already say what is live.
 */
export function planService(
  service: string,
  live: LiveService | null,
  published: PublishedService | null,
  removedAt: Epoch,
): ServicePlan | null {
  if (!live) {
    if (!published) return null;
    // A new era publishes every retained message anew, those of what is gone too.
    if (published.kind === 'tombstone' && published.epoch.era >= removedAt.era) return null;
    if (compareEpochs(published.epoch, removedAt) >= 0)
      return { action: 'stand-by', service, epoch: published.epoch };
    return { action: 'remove', service, epoch: removedAt };
  }
  const epoch = epochAt(live.epoch, removedAt.era);
  const order = published ? compareEpochs(published.epoch, epoch) : -1;
  if (order > 0 && published) return { action: 'stand-by', service, epoch: published.epoch };
  if (order === 0 && published) {
    if (!saysTheSame(published, live, epoch)) return { action: 'conflict', service, epoch };
    if (published.schemaEnvelope) return null;
  }
  const isKnownSchema = published?.schema === live.resolved.schema && published.schemaEnvelope !== undefined;
  const newSchema = !isKnownSchema || published.epoch.era !== epoch.era;
  return { action: 'publish', service, epoch, live, newSchema, previous: published };
}

function saysTheSame(published: PublishedService, live: LiveService, epoch: Epoch): boolean {
  return (
    published.epoch.commit === epoch.commit &&
    published.digest === live.resolved.digest &&
    published.schema === live.resolved.schema &&
    (published.secrets?.rev ?? null) === (live.resolved.secrets?.rev ?? null)
  );
}
