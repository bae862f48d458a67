/** Keys that change while the daemon runs: commands change the files, this takes them over and tells everybody. */
import { type CryptoBackend, HeadwaterError, keyIdOf, type Receipt } from '@headwater/schemas/protocol';
import type { KeyStore } from '../adapters/data/key-store.ts';
import type { Attention } from '../attention.ts';
import type { Log } from '../log.ts';
import type { Audit, Clock } from '../ports.ts';
import { SerialQueue } from '../serial-queue.ts';

export interface KeyDeskDeps {
  readonly keys: KeyStore;
  /** Publishes the list, and everything that stands on the topics, signed anew. Resolves when that is done, or waits for the broker. */
  readonly onKeys: () => Promise<void>;
  /** Removes the old signing key. */
  readonly endGrace: () => Promise<unknown>;
  readonly receipts: { all(): Iterable<Receipt> };
  readonly audit: Audit;
  readonly attention: Attention;
  readonly crypto: CryptoBackend;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the daemon signs by now. */
export interface KeysInForce {
  readonly version: number;
  /** Public keys that sign now, 64 hex digits each. */
  readonly signing: readonly string[];
  /** False: the files said nothing new. */
  readonly changed: boolean;
}

export interface KeyDesk {
  /** Takes over what a command wrote. @throws HeadwaterError as `KeyStore.reload`; then the keys before stay in use. */
  reload(): Promise<KeysInForce>;
  /** Ends the grace period of a rotation when its time is up and no instance holds an older list. */
  look(): Promise<void>;
}

const subject = 'rotation:keys';

export function createKeyDesk(deps: KeyDeskDeps): KeyDesk {
  const { keys, attention, log } = deps;
  const queue = new SerialQueue();

  async function reload(): Promise<KeysInForce> {
    const changed = await keys.reload();
    const signing = keys.signingKeys.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'));
    const version = keys.keyring?.version ?? 0;
    if (changed) {
      log.warn(
        { version, keyIds: keys.signingKeys.map(({ publicKey }) => keyIdOf(publicKey, deps.crypto)) },
        'keys changed',
      );
      if (keys.grace === null) attention.clear(subject);
      await deps.onKeys();
    }
    return { version, signing, changed };
  }

  async function look(): Promise<void> {
    const { grace } = keys;
    if (grace === null || deps.clock.now() < Date.parse(grace.until)) return;
    const behind = [...deps.receipts.all()].filter(
      ({ state, keys: version }) => state !== 'offline' && version !== undefined && version < grace.version,
    );
    if (behind.length > 0) {
      attention.report(subject, stillBehind(grace.until, behind));
      return;
    }
    await deps.endGrace();
    const { version } = await reload();
    await deps.audit.record({
      action: 'key-rotate',
      actor: { kind: 'daemon' },
      details: { ended: grace.until, version },
    });
    attention.clear(subject);
  }

  return { reload: () => queue.run(reload), look: () => queue.run(look) };
}

function stillBehind(until: string, behind: readonly Receipt[]): HeadwaterError {
  const names = behind.slice(0, 3).map(({ env, service, instance }) => `${service} in ${env} (${instance})`);
  const more = behind.length - names.length;
  return new HeadwaterError('HW_ROTATION_OPEN', {
    message: `the old signing key was to end at ${until.slice(0, 16).replace('T', ' ')} UTC, but ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''} do not hold the new key list yet`,
    hint: 'They take it when they reach the broker. To end it all the same: headwater keys rotate --finish',
  });
}
