import type { Epoch } from '../protocol/epoch.ts';
import type { ServiceChange } from './changes.ts';

export interface PersonName {
  readonly name: string;
  readonly email: string;
}

/** One commit of the followed branch, in the timeline. */
export interface EpochEntry {
  readonly epoch: Epoch;
  readonly author: PersonName;
  readonly committer: PersonName;
  /** When it was committed, RFC 3339, by the committer's clock. */
  readonly time: string;
  /** First line of the message. */
  readonly subject: string;
  /** Services whose files it changed, of those that the caller may see; "*" when the settings of the whole repository changed. */
  readonly services: readonly string[] | '*';
  /** Environments that stand at this very commit. */
  readonly live: readonly string[];
  /** Commit that it undoes, when its message says so. */
  readonly reverts?: string;
  /** From the trailer `Headwater-Request-Id`. */
  readonly requestId?: string;
  /** Who approved it, when it came by a proposal. */
  readonly approvers?: readonly string[];
}

/** `GET /api/v1/epochs`, newest first. */
export interface EpochList {
  readonly epochs: readonly EpochEntry[];
  /** Cursor of the next page (`?before=`), `null` at the end. */
  readonly next: string | null;
}

/** `GET /api/v1/epochs/:commit`. */
export interface EpochDetail extends EpochEntry {
  /** Whole message, trailers included. */
  readonly message: string;
  readonly parents: readonly string[];
  readonly files: readonly { readonly path: string; readonly change: 'added' | 'changed' | 'removed' }[];
  /** What it changed, by environment and service. */
  readonly changes: readonly ServiceChange[];
  /** How many more files or changes there are than are listed. */
  readonly more: { readonly files: number; readonly changes: number };
}

/** `GET /api/v1/compare?from=&to=`: what differs between two commits. */
export interface Comparison {
  readonly from: Epoch;
  readonly to: Epoch;
  readonly changes: readonly ServiceChange[];
  readonly more: { readonly changes: number };
}

/** One change of a service, or of one setting of it. */
export interface HistoryEntry extends Omit<EpochEntry, 'services' | 'live'> {
  readonly changes: ServiceChange['settings'];
  readonly schemaChanged: boolean;
  readonly secretsChanged: boolean;
}

/** `GET /api/v1/history?service=&env=&pointer=`, newest first. The first entry is who set the value that is there now. */
export interface ServiceHistory {
  readonly service: string;
  readonly env: string;
  readonly pointer?: string;
  readonly entries: readonly HistoryEntry[];
  readonly next: string | null;
}
