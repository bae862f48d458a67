/** What clients say they run, held against what is live. */
import type { ClientView, DriftedClient } from '@headwater/schemas/http';
import type { Receipt } from '@headwater/schemas/protocol';
import type { LiveConfigs } from './live-configs.ts';

export function clientView(receipt: Receipt, live: LiveConfigs): ClientView {
  const service = live.get(receipt.env, receipt.service);
  const { epoch } = receipt;
  const isComparable = service !== null && epoch !== null && epoch.era === service.epoch.era;
  return {
    ...receipt,
    live: service?.epoch ?? null,
    lag: isComparable ? Math.max(0, service.epoch.seq - epoch.seq) : null,
  };
}

/** `null`: it runs exactly what is live, or is not connected. */
export function driftOf(receipt: Receipt, live: LiveConfigs): DriftedClient | null {
  if (receipt.state === 'offline') return null;
  const service = live.get(receipt.env, receipt.service);
  const view = clientView(receipt, live);
  const isSameEpoch = receipt.epoch !== null && receipt.epoch.commit === service?.epoch.commit;
  const hasOtherConfig = service !== null && receipt.digest !== service.digest;
  const reasons: DriftedClient['reasons'][number][] = [];
  // An epoch that left the config as it was is none that anybody waits for.
  if (service !== null && hasOtherConfig) reasons.push(isSameEpoch ? 'digest' : 'epoch');
  if (receipt.state !== 'live') reasons.push('state');
  if (receipt.restartPending.length > 0) reasons.push('restart');
  if (receipt.envOverrides.length + receipt.envInvalid.length > 0) reasons.push('override');
  return reasons.length === 0 ? null : { ...view, reasons };
}
