import { readSecretFile } from '../../data/secret-file.ts';

/** Where the credential for the host comes from. Never from the address. */
export type CredentialSource =
  | { readonly kind: 'none' }
  /** A file with a token or `user:token`, read before every use. */
  | { readonly kind: 'file'; readonly path: string; readonly username: string }
  /** A token or `user:token` that was given at the start. */
  | { readonly kind: 'given'; readonly secret: string; readonly username: string }
  /** A credential helper of git: name and arguments, or an absolute path. */
  | { readonly kind: 'helper'; readonly helper: string };

export interface Credential {
  /** Value of the header `Authorization`. */
  readonly authorization: string;
  /** Texts that must never be shown, in every form in which they go over the wire. */
  readonly secrets: readonly string[];
}

/** @returns `null` when there is none, or when git asks a helper itself. @throws HeadwaterError `HW_SECRET_FILE`. */
export async function readCredential(source: CredentialSource): Promise<Credential | null> {
  if (source.kind === 'none' || source.kind === 'helper') return null;
  const text = source.kind === 'file' ? await readSecretFile(source.path) : source.secret;
  // Tokens of all large hosts are free of colons, and HTTP's user names must be.
  const colon = text.indexOf(':');
  const user = colon < 0 ? source.username : text.slice(0, colon);
  const token = text.slice(colon + 1);
  const encoded = Buffer.from(`${user}:${token}`).toString('base64');
  return { authorization: `Basic ${encoded}`, secrets: [encoded, token].filter((one) => one !== '') };
}

/** Text of the host without our credential: a host can say it back to us, and what it says is logged. */
export function withoutSecrets(text: string, credential: Credential | null): string {
  let clean = text;
  for (const secret of credential?.secrets ?? []) clean = clean.replaceAll(secret, '[redacted]');
  return clean;
}
