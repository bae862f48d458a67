/** Makes signed messages of one service the way a daemon does: for the fake, and for tests of the client itself. */
import { randomBytes } from 'node:crypto';
import {
  type DiffPayload,
  diffValues,
  digestOf,
  type Epoch,
  type EpochPayload,
  fromUtf8,
  type JsonObject,
  type MessageKind,
  type PayloadByKind,
  type RecentEpoch,
  type SealedSecrets,
  type Signer,
  type SigningKey,
  signEnvelope,
  signingKeyOf,
  statementLifetimeMs,
  toHex,
  utf8,
} from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';

export interface MessageTarget {
  readonly deployment: string;
  readonly env: string;
  readonly service: string;
}

/** What a snapshot or diff says besides its epoch and config. */
export interface DocumentExtras {
  readonly schema?: string;
  readonly secrets?: SealedSecrets | null;
  readonly requestId?: string;
  readonly by?: readonly SigningKey[];
}

const noSchema = `sha256:${'0'.repeat(64)}`;

export class MessageMaker {
  readonly target: MessageTarget;
  readonly root: SigningKey;
  readonly key: SigningKey;
  /** Every message is issued later than the one before. */
  #clock = Date.parse('2026-01-01T00:00:00Z');

  constructor(target: MessageTarget, key = newKey(), root = newKey()) {
    this.target = target;
    this.key = key;
    this.root = root;
  }

  /** Root public keys, as a connection file lists them. */
  get trust(): readonly string[] {
    return [toHex(this.root.publicKey)];
  }

  /** Epoch number `seq` of this maker's history: every number has one commit. */
  epoch(seq: number, era = 1): Epoch {
    return { era, seq, commit: toHex(nodeCrypto.sha256(utf8(`commit ${era}.${seq}`))).slice(0, 40) };
  }

  keys(version = 1, signers: readonly Signer[] = [this.signer()]): Uint8Array {
    const { deployment } = this.target;
    return this.sign(
      'keys',
      {
        v: 1,
        kind: 'keys',
        deployment,
        issuedAt: this.now(),
        version,
        roots: [...this.trust],
        signers: [...signers],
      },
      [this.root],
    );
  }

  /** The key list as text, for connection files. */
  keysText(version = 1): string {
    return fromUtf8(this.keys(version));
  }

  signer(key = this.key, more: Partial<Signer> = {}): Signer {
    return { key: toHex(key.publicKey), notBefore: '2020-01-01T00:00:00Z', ...more };
  }

  snapshot(epoch: Epoch, config: JsonObject, extras: DocumentExtras = {}): Uint8Array {
    const { schema = noSchema, secrets = null, requestId, by } = extras;
    const payload = {
      ...this.#head('snapshot'),
      epoch,
      schema,
      digest: digestOf(config, nodeCrypto),
      config,
      secrets,
      ...(requestId === undefined ? {} : { requestId }),
    };
    return this.sign('snapshot', payload, by);
  }

  diff(
    base: { readonly epoch: Epoch; readonly config: JsonObject },
    epoch: Epoch,
    config: JsonObject,
    extras: Omit<DocumentExtras, 'secrets'> & { readonly secrets?: DiffPayload['secrets'] } = {},
  ): Uint8Array {
    const { schema = noSchema, secrets = 'unchanged', by } = extras;
    const payload = {
      ...this.#head('diff'),
      epoch,
      schema,
      digest: digestOf(config, nodeCrypto),
      base: base.epoch,
      baseDigest: digestOf(base.config, nodeCrypto),
      ops: diffValues(base.config, config),
      secrets,
    };
    return this.sign('diff', payload, by);
  }

  tombstone(epoch: Epoch): Uint8Array {
    return this.sign('tombstone', { ...this.#head('tombstone'), epoch });
  }

  schema(epoch: Epoch, digest: string, document: JsonObject): Uint8Array {
    return this.sign('schema', { ...this.#head('schema'), epoch, digest, document });
  }

  statement(epoch: Epoch, recent: readonly RecentEpoch[] = [], more: Partial<EpochPayload> = {}): Uint8Array {
    const { deployment, env } = this.target;
    const issuedAt = more.issuedAt ?? this.now();
    const expiresAt = new Date(Date.parse(issuedAt) + statementLifetimeMs).toISOString();
    return this.sign('epoch', {
      v: 1,
      kind: 'epoch',
      deployment,
      env,
      issuedAt,
      epoch,
      expiresAt,
      recent,
      status: 'ok',
      held: [],
      heldTotal: 0,
      ...more,
    });
  }

  sign<K extends MessageKind>(
    kind: K,
    payload: PayloadByKind[K],
    by: readonly SigningKey[] = [this.key],
  ): Uint8Array {
    return signEnvelope(kind, utf8(JSON.stringify(payload)), by, nodeCrypto);
  }

  now(): string {
    this.#clock += 1;
    return new Date(this.#clock).toISOString();
  }

  #head<K extends 'snapshot' | 'diff' | 'tombstone' | 'schema'>(kind: K) {
    return { v: 1, kind, ...this.target, issuedAt: this.now() } as const;
  }
}

export function newKey(): SigningKey {
  return signingKeyOf(randomBytes(32), nodeCrypto);
}
