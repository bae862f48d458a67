import type { Epoch } from '@headwater/schemas/protocol';

/** A commit with its generation number: an epoch without its era, which is the ledger's and not the history's. */
export interface CommitPlace {
  readonly commit: string;
  readonly seq: number;
}

export const epochAt = (place: CommitPlace, era: number): Epoch => ({
  era,
  seq: place.seq,
  commit: place.commit,
});
