import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { type Identity, parseIdentityFile } from '../../secrets/age/identity.ts';
import { findAgeIdentities } from '../age-identities.ts';
import type { CliContext } from '../context.ts';
import { inFile } from '../in-file.ts';
import { readUserFile } from '../user-file.ts';

export interface IdentityOptions {
  readonly identity?: readonly string[];
}

export function addIdentityOption(command: Command): Command {
  return command.option(
    '--identity <file>',
    'your age identity (repeatable; besides SOPS_AGE_KEY_FILE and ~/.config/sops/age/keys.txt)',
    (file: string, files: string[] = []) => [...files, file],
  );
}

/** Identities of the person: files that were named, and those that the `sops` command would use. Perhaps none. */
export async function identitiesOf(
  { identity = [] }: IdentityOptions,
  context: CliContext,
): Promise<readonly Identity[]> {
  const named = await Promise.all(identity.map((file) => readIdentities(context, file)));
  return [...named.flat(), ...(await findAgeIdentities(context))];
}

export async function readIdentities(context: CliContext, path: string): Promise<readonly Identity[]> {
  const bytes = await readUserFile(context, path, 64 * 1024);
  return inFile(path, async () => parseIdentityFile(Buffer.from(bytes).toString('utf8')));
}

/**
 * Says what a person can do who has no key to a file. Its values are under one data key, so nothing can be added by somebody who cannot
 * open the rest.
 */
export function cannotEdit(path: string, cause: HeadwaterError): HeadwaterError {
  return new HeadwaterError('HW_SECRETS_NO_IDENTITY', {
    message: `${path} can be changed only by somebody who can open it: ${cause.message}`,
    hint: 'Give your age identity with --identity FILE or SOPS_AGE_KEY_FILE. Without one let the daemon do it, which needs a token of role editor: --url URL, or --data DIR on its machine.',
    details: { ...cause.details, file: path },
    cause,
  });
}
