/** What the parts of the daemon say to the audit log. */
import type { TokenRecord } from './access.ts';
import type { EditOutcome, Editor, EditRequest } from './editing/edit.ts';
import type { AllowedPush, RefusedPush } from './gate/push-gate.ts';
import type { Audit, AuditActor, AuditEntry } from './ports.ts';
import type { ServiceSealer } from './publishing/seal-plans.ts';

/** The holder of a token; of a session, whoever opened it. */
export function tokenActor({ id, name }: Pick<TokenRecord, 'id' | 'name'>): AuditActor {
  return { kind: 'token', id, name };
}

/** The first run makes a token for whoever can read the data folder. */
export function firstAdminEntry(): AuditEntry {
  return {
    action: 'token-create',
    actor: { kind: 'daemon' },
    details: { name: 'first admin', role: 'admin' },
  };
}

export function pushEntries({ pusher, updates }: AllowedPush): AuditEntry[] {
  return updates.map(({ ref, from, to }) => ({
    action: 'push',
    ...whoPushed(pusher),
    ...(to === null ? {} : { commit: to }),
    details: { ref, from: from ?? '', to: to ?? '' },
  }));
}

export function refusedPushEntry({ pusher, updates, codes }: RefusedPush): AuditEntry {
  return {
    action: 'refuse',
    ...whoPushed(pusher),
    details: { what: 'push', refs: updates.map(({ ref }) => ref), codes },
  };
}

function whoPushed(pusher: AllowedPush['pusher']): Pick<AuditEntry, 'actor' | 'requestId'> {
  // A push through the file system or ssh carries no identity.
  if (pusher === null) return { actor: { kind: 'user', name: 'somebody on the machine of the repository' } };
  return { actor: tokenActor(pusher.token), requestId: pusher.requestId };
}

/** An editor whose commits are recorded. They are in the history as well, so a commit is not undone when that fails. */
export function auditedEditor(editor: Editor, audit: Audit): Editor {
  return {
    ...editor,
    async commit(request) {
      const outcome = await editor.commit(request);
      if (outcome.changed) audit.note(commitEntry(request, outcome));
      return outcome;
    },
  };
}

function commitEntry(
  { actor, requestId, files, approve }: EditRequest,
  { commit, epoch }: EditOutcome,
): AuditEntry {
  return {
    action: 'commit',
    actor: authorOf(actor),
    requestId,
    epoch,
    commit,
    details: { files: files.map(({ path }) => path), ...(approve === undefined ? {} : { approved: true }) },
  };
}

/** Authors that came through the API have the id of their token as address. */
function authorOf({ name, email }: EditRequest['actor']): AuditActor {
  const id = /^([a-z0-9]{12})@headwater\.invalid$/.exec(email)?.[1];
  if (id !== undefined) return { kind: 'token', id, name };
  return email === 'headwater@localhost' ? { kind: 'daemon' } : { kind: 'user', name: `${name} <${email}>` };
}

/** A sealer that records for whom it sealed what. What is sealed goes out next; services do not wait for the record. */
export function auditedSealer(sealer: ServiceSealer, audit: Audit, era: () => number): ServiceSealer {
  return {
    async seal(live) {
      const sealed = await sealer.seal(live);
      const { env, service } = live.inputs;
      if (sealed.sealed !== null)
        audit.note({
          action: 'secret-deliver',
          actor: { kind: 'daemon' },
          env,
          service,
          epoch: { era: era(), ...live.epoch },
          details: { rev: sealed.rev, recipients: sealed.recipients },
        });
      return sealed;
    },
  };
}
