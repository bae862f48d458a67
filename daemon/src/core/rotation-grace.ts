/** When the old credentials of a service stop counting: not before their time is up, and not while an instance still uses them. */

export interface GraceFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly until: number;
  /** Somebody said that it shall end now, whoever still uses them. */
  readonly forced: boolean;
  /** Ids of the old and the new public key, as receipts name them. */
  readonly oldId: string;
  readonly newId: string;
  /** What every instance that is not offline says it opens its secrets with; `null` = with none. Absent: it has no secrets. */
  readonly instances: readonly { readonly instance: string; readonly recipient?: string | null }[];
  /** Whether secrets are sealed for the service at all. */
  readonly hasSecrets: boolean;
  /** Open connections with the old token, as far as this daemon sees them. */
  readonly oldConnections: number;
}

export type GraceVerdict =
  | { readonly kind: 'running' }
  | { readonly kind: 'end' }
  /** The time is up, but: half a sentence. */
  | { readonly kind: 'extended'; readonly because: string };

/** Receipts are claims: they may extend a grace period, and never end one before its time. [contract §4 Receipt] */
export function graceVerdict(facts: GraceFacts): GraceVerdict {
  if (facts.forced) return { kind: 'end' };
  if (facts.now < facts.until) return { kind: 'running' };
  const behind = facts.instances.filter(({ recipient }) => recipient === facts.oldId);
  if (behind.length > 0) {
    const names = behind.slice(0, 3).map(({ instance }) => instance);
    const more = behind.length - names.length;
    return extended(
      `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''} still open their secrets with the old identity`,
    );
  }
  if (facts.oldConnections > 0)
    return extended(`${facts.oldConnections} connections still use the old token`);
  const isSeen = facts.instances.some(({ recipient }) => recipient === facts.newId);
  if (facts.hasSecrets && !isSeen)
    return extended('no instance has opened its secrets with the new identity yet');
  return { kind: 'end' };
}

const extended = (because: string): GraceVerdict => ({ kind: 'extended', because });
