import type { JsonObject } from '@headwater/schemas/protocol';
import type { Finding } from './finding.ts';

/** Resolved config of (service, environment), digests included. */
export interface ResolvedService {
  readonly config: JsonObject;
  /** Digest of `config` in RFC 8785 form. */
  readonly digest: string;
  /** Digest of the bytes of the schema file. */
  readonly schema: string;
  readonly schemaDocument: JsonObject;
  /** `null`: the service has no secrets file in this environment. */
  readonly secrets: ResolvedSecrets | null;
}

/** Where secrets are, and who gets them. Values are never here. */
export interface ResolvedSecrets {
  readonly rev: string;
  readonly recipients: readonly string[];
  /** By pointer. */
  readonly values: ReadonlyMap<string, SecretPlace>;
}

export interface SecretPlace {
  /** "base" or the environment whose file has it. */
  readonly layer: string;
  /** Length in UTF-8, which encryption does not hide. */
  readonly bytes: number;
  /** When that file was saved last, RFC 3339: the secret is at least that old. */
  readonly changedAt: string | null;
}

/** Verdict on the inputs of one (service, environment). */
export interface ServiceJudgement {
  /** Key of the inputs it judges. */
  readonly key: string;
  /** Present when no finding is an error. */
  readonly resolved: ResolvedService | null;
  readonly findings: readonly Finding[];
}
