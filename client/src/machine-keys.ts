/** The key list: who may sign from now on, and whose past signatures stop counting. */
import { type Keyring, openKeys } from '@headwater/schemas/protocol';
import { fetchJitterMs, fetchSnapshot } from './machine-fetch.ts';
import { isRevokedDocument, type Step } from './machine-step.ts';

/** True when it moved to a newer key list. @throws HeadwaterError as `openKeys`. */
export function onKeys(run: Step, bytes: Uint8Array): boolean {
  const { keyring, marks, held } = run.state;
  const trust = {
    roots: keyring?.roots ?? run.deps.roots,
    deployment: run.deps.target.deployment,
    version: Math.max(keyring?.version ?? 0, marks.keysVersion),
  };
  const next = openKeys(new Uint8Array(bytes), trust, run.deps.crypto);
  if (keyring !== null && next.version <= keyring.version) {
    run.effects.push({ type: 'count', name: 'duplicates' });
    return false;
  }
  const wasRevoked = held !== null && isRevokedDocument(run.state, held);
  run.state.keyring = next;
  run.state.marks = { ...marks, keysVersion: next.version };
  if (revokesMore(keyring, next)) forgetClaims(run);
  run.effects.push(
    { type: 'keys', envelope: next.envelope, version: next.version },
    { type: 'marks', isUrgent: true },
  );
  // What runs has lost its last signer: the daemon signs it anew, perhaps at a lower epoch that the revoked key ran past.
  if (held !== null && !wasRevoked && isRevokedDocument(run.state, held))
    fetchSnapshot(run, null, fetchJitterMs);
  return true;
}

function revokesMore(before: Keyring | null, next: Keyring): boolean {
  return [...next.entries.values()].some(
    ({ keyId, signer }) =>
      signer.revoked !== undefined && before?.entries.get(keyId)?.signer.revoked === undefined,
  );
}

/** A revoked key may have claimed any epoch: what was concluded from claims is concluded anew. */
function forgetClaims(run: Step): void {
  Object.assign(run.state, { statement: null, rejections: [], isRejected: false });
  run.state.marks = { ...run.state.marks, settled: null };
  if (run.state.fetch) run.state.fetch = { ...run.state.fetch, wanted: null };
}
