import type { EditResult } from './edits.ts';

/** Body of `PUT /api/v1/services/:service/secrets?env=&pointer=`. */
export interface SecretBody {
  /** At least one character. */
  readonly value: string;
}

/** Answer to a secret that was set or removed: never the value. */
export interface SecretResult extends EditResult {
  /** File that it stands in, or stood in. */
  readonly file: string;
}

/** Body of `POST /api/v1/services/:service/secrets/reveal?env=&pointer=`. */
export interface RevealBody {
  /** Why: it stands in the audit log for ever. 10 to 300 characters. */
  readonly justification: string;
}

export interface RevealedSecret {
  readonly service: string;
  readonly env: string;
  readonly pointer: string;
  /** Layer that the value in force comes from. */
  readonly layer: string;
  readonly value: string;
}
