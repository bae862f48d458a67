import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { LedgerEntry } from '../ports.ts';
import { ledgerInvalid, parseLedger } from './ledger-record.ts';
import { type LedgerSeal, ledgerForeign } from './ledger-seal.ts';

/** A record as it lies somewhere, believed by nobody yet. */
export interface SealedLedger {
  readonly bytes: Uint8Array;
  readonly seal: string;
}

/**
 * A record that may be believed: sealed by this deployment, whole, and of it.
 * @throws HeadwaterError `HW_LEDGER_INVALID`, `HW_LEDGER_FOREIGN`, with `details.id`: whoever replaces it must name what is there.
 */
export async function openLedger(
  id: string,
  deployment: string,
  seal: LedgerSeal,
  read: () => Promise<SealedLedger> | SealedLedger,
): Promise<LedgerEntry> {
  try {
    const sealed = await read();
    const isFresh = seal.check(sealed.bytes, sealed.seal);
    const record = parseLedger(sealed.bytes);
    if (record.deployment !== deployment)
      throw ledgerForeign(`it is of deployment "${record.deployment}", expected "${deployment}"`);
    return { id, record, isFresh };
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    if (!error.code.startsWith('HW_LEDGER_')) throw ledgerInvalid(error.message, { id });
    const { code, message, hint } = error;
    throw new HeadwaterError(code, { message, details: { id }, ...(hint === undefined ? {} : { hint }) });
  }
}
