/** One setting that differs. An array that differs is one change. Secrets are never here: see `ServiceChange.secretsChanged`. */
export interface SettingChange {
  /** JSON Pointer. */
  readonly pointer: string;
  /** Absent: it was not there. */
  readonly from?: unknown;
  /** Absent: it is gone. */
  readonly to?: unknown;
  /** Whether a running program takes it, or must be restarted. */
  readonly apply: 'hot' | 'restart';
  readonly unit?: string;
}

/** What changes for one service in one environment. */
export interface ServiceChange {
  readonly env: string;
  readonly service: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** In the order of their pointers. Empty when a side is not valid: then nobody can say. */
  readonly settings: readonly SettingChange[];
  readonly schemaChanged: boolean;
  /** Some secrets file, or who may read it, changed. */
  readonly secretsChanged: boolean;
  /** Who may read the secrets, when that changed: age public keys. */
  readonly recipients?: { readonly added: readonly string[]; readonly removed: readonly string[] };
  /** False when the service is not valid afterwards; absent when it is removed. */
  readonly valid?: boolean;
}
