import { createFakeLedger } from './fake-ledger.ts';
import { ledgerContract } from './ledger.contract.ts';

ledgerContract('in memory', async () => {
  const ledger = createFakeLedger();
  return { ledger, other: ledger, commit: 'c1'.repeat(20), close: async () => undefined };
});
