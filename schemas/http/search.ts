import type { Epoch } from '../protocol/epoch.ts';
import type { Receipt } from '../protocol/receipt.ts';

/** `GET /api/v1/search?q=&service&env&level&type&limit`, best first. */
export interface SearchResults {
  readonly hits: readonly SearchHit[];
  /** All that were found; `hits` are the best of them. */
  readonly total: number;
}

/** A service, or one setting of it. */
export interface SearchHit {
  readonly service: string;
  /** Environments in which it was found. */
  readonly envs: readonly string[];
  /** Absent: the service itself. */
  readonly pointer?: string;
  readonly title?: string;
  readonly level?: 'simple' | 'advanced';
  readonly type?: string;
  readonly secret?: true;
  /** What matched: `name`, `title`, `env`, `enum`, `description` or `value`. */
  readonly matched: string;
  /** 1.0 the very word, 0.8 begins with it, 0.6 has it, 0.3 only its description or value has it. */
  readonly score: number;
  /** Live value by environment; never of a secret. */
  readonly values?: Readonly<Record<string, unknown>>;
}

/** `GET /api/v1/clients?env&service&state`. */
export interface ClientList {
  readonly clients: readonly ClientView[];
}

/** What one instance says it runs, and how that compares with what is live. */
export interface ClientView extends Receipt {
  /** Live service epoch; `null` when the service is not live there. */
  readonly live: Epoch | null;
  /** Epochs that it is behind; `null` when nobody can say. */
  readonly lag: number | null;
}

/** `GET /api/v1/drift?env`: connected clients that do not run exactly what is live. */
export interface DriftList {
  /** Connected clients that were looked at. */
  readonly connected: number;
  readonly drifted: readonly DriftedClient[];
}

export interface DriftedClient extends ClientView {
  /**
   * `epoch`: it has another epoch, `digest`: the epoch is right and the config is not, `state`: it does not follow live config,
   * `restart`: settings wait for a restart, `override`: its environment overrides settings.
   */
  readonly reasons: readonly ('epoch' | 'digest' | 'state' | 'restart' | 'override')[];
}
