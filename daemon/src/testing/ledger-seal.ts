/** Seals of test ledgers, made with the keys of the test pipelines. */
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { createLedgerSeal, type LedgerSeal } from '../ledger/ledger-seal.ts';
import { key, keyring, signing } from './pipeline-bench.ts';

/** @param fill Another number is a stranger's key. */
export function testSeal(fill?: number): LedgerSeal {
  const signer = fill === undefined ? signing : key(fill);
  return createLedgerSeal({ signers: () => [signer], keyring: () => keyring, crypto: nodeCrypto });
}
