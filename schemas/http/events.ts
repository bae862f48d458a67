import type { Epoch } from '../protocol/epoch.ts';
import type { Receipt } from '../protocol/receipt.ts';

/** What `GET /api/v1/events` tells, as it happens: `event: <type>`, `data: <this as JSON>`. Hints: whoever needs the state asks for it. */
export type LiveEvent =
  /** Something went live in an environment. `services`: those that changed or left; "*" when there are more than 100. */
  | {
      readonly type: 'epoch';
      readonly env: string;
      readonly epoch: Epoch;
      readonly services: readonly string[] | '*';
    }
  /** What waits in an environment changed; `total` 0 = nothing waits any more. */
  | { readonly type: 'held'; readonly env: string; readonly total: number }
  /** A client says what it runs; also when it goes offline. */
  | { readonly type: 'receipt'; readonly env: string; readonly receipt: Receipt }
  /** The followed branch moved. */
  | { readonly type: 'tip'; readonly commit: string }
  /** A proposal was opened, changed, merged or closed. */
  | { readonly type: 'proposal'; readonly id: string }
  /** The list of the daemon's own problems changed. */
  | { readonly type: 'health'; readonly ok: boolean };

/**
 * Sent instead of events that are not remembered any more: everything must be loaded anew. Its `data` is `{}`.
 */
export type ResetEvent = 'reset';
