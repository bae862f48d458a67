/** Receipts: what this instance says it runs. A burst of changes makes one receipt; the last one always goes out. */
import { type Receipt, receiptTopic } from '@headwater/schemas/protocol';
import type { Link } from './link.ts';
import type { Held } from './machine-state.ts';
import { clientVersion } from './version.ts';

/** At most five receipts a second per instance. */
const throttleMs = 200;

export interface ReceiptIdentity {
  readonly clientId: string;
  readonly instance: string;
  readonly env: string;
  readonly service: string;
  readonly prefix: string;
  /** Digest of the schema that the client was built with. */
  readonly schema: string | null;
}

/** What changes while a client runs. */
export type ReceiptFacts = Pick<
  Receipt,
  'epoch' | 'digest' | 'state' | 'restartPending' | 'envOverrides' | 'envInvalid' | 'secrets' | 'keys'
> & { readonly reason: string | null };

export function receiptText(identity: ReceiptIdentity, facts: ReceiptFacts): string {
  const { clientId, instance, env, service, schema } = identity;
  const { reason, ...rest } = facts;
  const receipt: Receipt = {
    v: 1,
    clientId,
    instance,
    service,
    env,
    ...rest,
    ...(reason === null ? {} : { reason }),
    ...(schema === null ? {} : { schema }),
    version: clientVersion,
    at: new Date().toISOString(),
  };
  return JSON.stringify(receipt);
}

/** What a restart would open: only what is on disk counts, so that an identity is not thrown away too early. */
export function receiptSecrets(kept: Held | null): Pick<Receipt, 'secrets'> {
  if (kept?.secrets == null) return {};
  const { secrets, opened } = kept;
  return { secrets: { rev: secrets.rev, recipient: opened.state === 'open' ? opened.recipient : null } };
}

export function topicOf({ prefix, env, service, clientId }: ReceiptIdentity): string {
  return receiptTopic(prefix, env, service, clientId);
}

export interface Receipts {
  /** Something may have changed. */
  update(): void;
  /** After a connect: the broker has the will, or nothing. */
  renew(): void;
  close(): void;
}

export function createReceipts(identity: ReceiptIdentity, link: Link, facts: () => ReceiptFacts): Receipts {
  let last = '';
  let timer: ReturnType<typeof setTimeout> | null = null;

  function send(): void {
    const now = facts();
    const text = JSON.stringify(now);
    if (text === last) return;
    last = text;
    link.publish(topicOf(identity), receiptText(identity, now));
  }

  function update(): void {
    if (timer !== null) return;
    send();
    timer = setTimeout(() => {
      timer = null;
      send();
    }, throttleMs);
    timer.unref();
  }

  return {
    update,
    renew() {
      last = '';
      update();
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
