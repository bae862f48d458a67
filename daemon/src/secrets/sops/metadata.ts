/** The `sops` member of a file: who can open it, which values are encrypted, and the MAC over all of them. */
import type { OrderedArray } from './ordered-json.ts';
import type { SelectionRule } from './selection-rule.ts';

/** The data key for one holder of an age key. */
export interface AgeStanza {
  /** Public key as the file claims it; nothing proves that `enc` is for it. */
  readonly recipient: string;
  /** Armored age file over the 32 bytes of the data key. */
  readonly enc: string;
}

export interface SopsMetadata {
  readonly age: readonly AgeStanza[];
  /** Stanzas of keys that Headwater cannot wrap for (PGP, cloud KMS), by field; kept as they are. */
  readonly foreign: ReadonlyMap<string, OrderedArray>;
  /** As written; see `canonicalSopsTime`. */
  readonly lastModified: string;
  /** Encrypted, like a value. */
  readonly mac: string;
  readonly rule: SelectionRule;
  /** The MAC leaves out values that are not encrypted. */
  readonly macOnlyEncrypted: boolean;
  /** Of the SOPS that wrote the file. */
  readonly version: string;
}

/** Most stanzas of a file, of all kinds together. Each may have to be tried. */
export const maxStanzas = 64;

/** The SOPS whose format is written here. `sops` refuses files whose version is no plain version number. */
export const writtenVersion = '3.13.2';
