/** Where the ledger stands in git. */
export const ledgerRef = 'refs/headwater/epochs';

/** A daemon's own one, in a mirror whose host takes no pushes: below refs/headwater stands what the host has. */
export const ownLedgerRef = 'refs/local/headwater/epochs';
