import type { LayerFile } from '../core/inputs.ts';

/** Opens secrets files of the repository with the identities of this daemon. */
export interface SecretsOpener {
  /**
   * Values by pointer, after the file proved to be whole.
   * @param file Whose `layer` says which identities are tried: those of its environment, and no other.
   * @throws HeadwaterError `HW_SECRET_UNREADABLE` without an identity for it, `HW_SECRETS_*` when it was tampered with.
   */
  open(file: LayerFile, bytes: Uint8Array): Promise<ReadonlyMap<string, string>>;
}
