/** Sealed secrets of what is about to be published. All of them are there before the first message is signed, or nothing goes out. */
import type { SealedSecrets } from '@headwater/schemas/protocol';
import type { LiveService } from '../epochs/environment-track.ts';
import type { PublishedService, ServicePlan } from './plan.ts';

/** Opens the secrets files of a service and seals their values for its recipients. */
export interface ServiceSealer {
  /**
   * @param live A service with secrets. Without a recipient nothing is opened, and `sealed` is `null`.
   * @throws HeadwaterError `HW_SECRET_UNREADABLE` when this daemon has no identity that opens one of its files, `HW_SECRET_COPIED` when
   *   it must not seal what is in one.
   */
  seal(live: LiveService): Promise<SealedSecrets>;
}

/** Secrets by service; services without any are absent. @throws HeadwaterError as `ServiceSealer.seal`. */
export async function sealPlans(
  plans: readonly ServicePlan[],
  sealer: ServiceSealer,
): Promise<ReadonlyMap<string, SealedSecrets>> {
  const sealed = new Map<string, SealedSecrets>();
  for (const plan of plans) {
    if (plan.action !== 'publish' || plan.live.resolved.secrets === null) continue;
    sealed.set(plan.service, madeBefore(plan.live, plan.previous) ?? (await sealer.seal(plan.live)));
  }
  return sealed;
}

/** [protocol §3.4] made once per `rev` and repeated byte for byte: also after a restart, and by every replica that took it over */
function madeBefore({ resolved }: LiveService, previous: PublishedService | null): SealedSecrets | null {
  const before = previous?.secrets ?? null;
  if (before === null || before.rev !== resolved.secrets?.rev) return null;
  return before.sealed === null && resolved.secrets.recipients.length > 0 ? null : before;
}
