/**
 * Ends rotations of service identities: when the time is up and no instance shows the old key any more, its line in the recipients file
 * goes in one commit, and the old token with it. Until then both count.
 */
import {
  type CryptoBackend,
  HeadwaterError,
  isHeadwaterError,
  type Receipt,
  recipientIdOf,
} from '@headwater/schemas/protocol';
import { type IdentityRotation, type RotationStore, sameRotation } from '../adapters/data/rotation-store.ts';
import type { Attention } from '../attention.ts';
import { daemonPerson } from '../core/daemon-person.ts';
import { type ReadBlob, readWithin } from '../core/files.ts';
import { parseRecipients, withoutRecipient } from '../core/recipients.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import { graceVerdict } from '../core/rotation-grace.ts';
import type { Editor } from '../editing/edit.ts';
import type { Log } from '../log.ts';
import type { Audit, Clock, CommitId, ObjectReader } from '../ports.ts';

export interface IdentityGraceDeps {
  readonly store: RotationStore;
  readonly receipts: { of(env: string, service: string): readonly Receipt[] };
  /** Open connections that were signed in with a token. */
  readonly connections: (tokenId: string) => number;
  readonly tokens: { revoke(id: string): Promise<unknown> };
  readonly editor: Pick<Editor, 'commit'>;
  /** The newest commit that was read; `null` before the first. */
  readonly newest: () => { readonly index: RepoIndex; readonly commit: CommitId } | null;
  readonly reader: Pick<ObjectReader, 'findFiles'>;
  readonly readBlob: ReadBlob;
  readonly audit: Audit;
  readonly attention: Attention;
  readonly crypto: CryptoBackend;
  readonly clock: Clock;
  readonly log: Log;
}

export interface IdentityGrace {
  /** Looks at every rotation and ends those that are over. What fails is told and tried again with the next look. */
  look(): Promise<void>;
}

const subjectOf = ({ env, service }: IdentityRotation): string => `rotation:${env}/${service}`;

export function createIdentityGrace(deps: IdentityGraceDeps): IdentityGrace {
  const { store, attention } = deps;

  async function consider(rotation: IdentityRotation): Promise<void> {
    const verdict = verdictOn(rotation);
    if (verdict.kind === 'running') return;
    if (verdict.kind === 'extended') {
      attention.report(subjectOf(rotation), stillUsed(rotation, verdict.because));
      return;
    }
    const commit = await dropRecipient(rotation);
    if (rotation.oldToken !== null) await revokeOld(rotation.oldToken);
    const { env, service, oldRecipient, newRecipient, oldToken } = rotation;
    await deps.audit.record({
      action: 'identity-rotate',
      actor: { kind: 'daemon' },
      ...{ env, service },
      ...(commit === null ? {} : { commit }),
      details: {
        recipient: newRecipient,
        ...(oldRecipient === null ? {} : { dropped: oldRecipient }),
        ...(oldToken === null ? {} : { revoked: oldToken }),
      },
    });
    await store.change((all) => all.filter((one) => !sameRotation(one, rotation)));
    attention.clear(subjectOf(rotation));
    deps.log.info(
      { env, service, ...(commit === null ? {} : { commit }) },
      'rotation ended, the old identity opens nothing new',
    );
  }

  function verdictOn({
    env,
    service,
    until,
    forced,
    oldRecipient,
    newRecipient,
    oldToken,
  }: IdentityRotation) {
    const { crypto, clock } = deps;
    const connected = deps.receipts.of(env, service).filter(({ state }) => state !== 'offline');
    return graceVerdict({
      now: clock.now(),
      until: Date.parse(until),
      forced: forced === true,
      oldId: oldRecipient === null ? '' : recipientIdOf(oldRecipient, crypto),
      newId: recipientIdOf(newRecipient, crypto),
      instances: connected.map(({ instance, secrets }) => ({
        instance,
        ...(secrets ? { recipient: secrets.recipient } : {}),
      })),
      hasSecrets: (deps.newest()?.index.inputs(service, env)?.secrets.length ?? 0) > 0,
      oldConnections: oldToken === null ? 0 : deps.connections(oldToken),
    });
  }

  /** @returns The commit; `null` when the old key stands nowhere. */
  async function dropRecipient({
    env,
    service,
    oldRecipient,
    newRecipient,
  }: IdentityRotation): Promise<CommitId | null> {
    const newest = deps.newest();
    if (newest === null) throw notRead();
    const file = newest.index.inputs(service, env)?.recipients;
    if (oldRecipient === null || !file) return null;
    const found = (await deps.reader.findFiles(newest.commit, [file.path])).get(file.path);
    const bytes = found === undefined ? null : await readWithin(deps.readBlob, found.oid);
    if (bytes === null) return null;
    const text = Buffer.from(bytes).toString('utf8');
    const { recipients } = parseRecipients(text);
    if (!recipients.includes(oldRecipient)) return null;
    // Somebody took the new key out again: without the old one nobody could open anything.
    if (!recipients.includes(newRecipient)) throw newKeyGone(file.path, newRecipient);
    const { commit } = await deps.editor.commit({
      actor: daemonPerson,
      message: `Drop the old identity of ${service} in ${env}`,
      base: newest.commit,
      files: [{ kind: 'bytes', path: file.path, content: Buffer.from(withoutRecipient(text, oldRecipient)) }],
      requestId: `rotation-${recipientIdOf(newRecipient, deps.crypto)}`,
    });
    return commit;
  }

  async function revokeOld(id: string): Promise<void> {
    try {
      await deps.tokens.revoke(id);
    } catch (error) {
      // Of another daemon, or of a restored file: it does not count here.
      if (!isHeadwaterError(error, 'HW_NOT_FOUND')) throw error;
    }
  }

  return {
    async look() {
      let rotations: readonly IdentityRotation[];
      try {
        rotations = await store.list();
        attention.clear('rotations');
      } catch (error) {
        attention.report('rotations', error);
        return;
      }
      for (const rotation of rotations) {
        try {
          await consider(rotation);
        } catch (error) {
          if (!isHeadwaterError(error)) throw error;
          attention.report(subjectOf(rotation), error);
        }
      }
    },
  };
}

function stillUsed({ env, service, until }: IdentityRotation, because: string): HeadwaterError {
  return new HeadwaterError('HW_ROTATION_OPEN', {
    message: `the old credentials of ${service} in ${env} were to end at ${until.slice(0, 16).replace('T', ' ')} UTC, but ${because}`,
    hint: `Give every instance the new files and restart it. To end it whoever still uses the old ones: headwater enroll ${service} --env ${env} --finish`,
  });
}

function newKeyGone(path: string, recipient: string): HeadwaterError {
  return new HeadwaterError('HW_ROTATION_OPEN', {
    message: `${path} does not name the new key ${recipient} any more, so the old one stays`,
    hint: 'Put the new key back, or enroll the service again with --rotate.',
  });
}

function notRead(): HeadwaterError {
  return new HeadwaterError('HW_BRANCH_MISSING', {
    message: 'the daemon has not read the followed branch yet',
    hint: 'Try again in a moment; `headwater status` says what it waits for.',
  });
}
