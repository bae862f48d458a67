/** What `connect` takes. Defaults and checks are in `resolve-options.ts`. */
import type { JsonObject } from '@headwater/schemas/protocol';

/** What `headwater typegen` writes: a service's schema with the type of its config carried along. */
export interface ServiceSchema<T = unknown> {
  readonly service: string;
  /** `sha256:…` of the schema file. */
  readonly digest: string;
  /** The JSON Schema. */
  readonly document: JsonObject;
  /** Config made of the schema's defaults alone. */
  readonly defaults: JsonObject;
  /** Never present: it carries the type. */
  readonly type?: T;
}

/** Receives log lines. Fields never hold a value of a setting. */
export type ClientLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

/** Where to connect: every field can stand in the connection file, as an option, or in a `HEADWATER_*` variable. */
export interface ConnectionFields {
  readonly deployment: string;
  readonly env: string;
  readonly service: string;
  /** Name of this instance. Default: host name and 4 random characters. */
  readonly instance?: string;
  /** `mqtt://host:port`, or `mqtts://host:port` for TLS. */
  readonly broker: string;
  /** PEM text, or path of a PEM file (from the connection file's folder). Default: the system's authorities. */
  readonly ca?: string;
  /** The service's token, `hw_…`. */
  readonly token: string;
  /** Root public keys, 64 hex digits each; at least one. */
  readonly trust: readonly string[];
  /** `keys` envelope known at enrolment. Without it the first key list comes from the broker. */
  readonly keys?: string;
  /** File with the age identities that open this service's secrets (mode 0600). Without one secrets are not opened. */
  readonly identityFile?: string;
  /** Folder of last-known-good copies. Default `$XDG_STATE_HOME/headwater`, else `~/.local/state/headwater`. */
  readonly cacheDir?: string;
  /** Folder of marks and the HMAC key. Default as `cacheDir`. */
  readonly stateDir?: string;
  /** Topic prefix. Default `headwater/<deployment>`. */
  readonly prefix?: string;
}

export interface ConnectOptions<T = JsonObject> extends Partial<ConnectionFields> {
  /** Path of the connection file that `headwater enroll` wrote (mode 0600). */
  readonly connection?: string;
  /** Schema module of this service: gives types, defaults, overrides and the lenient check. */
  readonly schema?: ServiceSchema<T>;
  /** How long `connect` waits for a first config when there is no cached copy. Default 10 000 ms. */
  readonly firstConfigTimeoutMs?: number;
  /** When neither came: `fail` (default) throws `HW_NO_CONFIG`; `defaults` runs on the schema's defaults and goes on trying. */
  readonly onStart?: 'fail' | 'defaults';
  /** Signature backend. Default `node`; `noble` is pure JavaScript and ten times slower. */
  readonly crypto?: 'node' | 'noble';
  /** Default: warnings and errors to `console.warn`. `null`: silence. */
  readonly log?: ClientLog | null;
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** All settings, checked; defaults filled in. */
export interface ResolvedOptions {
  readonly target: { readonly deployment: string; readonly env: string; readonly service: string };
  readonly instance: string;
  readonly broker: string;
  readonly ca: string | undefined;
  readonly token: string;
  readonly trust: readonly string[];
  readonly keys: string | null;
  readonly identityFile: string | null;
  readonly cacheDir: string;
  readonly stateDir: string;
  readonly prefix: string;
  readonly schema: ServiceSchema | null;
  readonly firstConfigTimeoutMs: number;
  readonly onStart: 'fail' | 'defaults';
  readonly crypto: 'node' | 'noble';
  readonly log: ClientLog | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Default of `firstConfigTimeoutMs`. */
export const defaultFirstConfigTimeoutMs = 10_000;
