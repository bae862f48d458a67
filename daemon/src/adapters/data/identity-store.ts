/**
 * The daemon's own age identities in `<data>/keys/`: with them it opens the secrets files of the repository. `secrets.identity` serves
 * every environment; `secrets.<env>.identity`, when somebody puts one there, serves the files of that environment alone, so that what
 * is encrypted for one environment cannot be opened as another's. Beside the first stands its public half, which everybody may read.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isName, utf8 } from '@headwater/schemas/protocol';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { Identity } from '../../secrets/age/identity.ts';
import { writeFileDurably } from '../git/durable-fs.ts';
import type { DataFolder } from './data-folder.ts';
import { identityHint, readIdentityFile } from './identity-file.ts';
import { badKey } from './key-file.ts';

export interface IdentityStore {
  /** `age1…`: what a creation rule must name so that this daemon can open the file. */
  readonly recipient: string;
  /** The same for files of environments with an identity of their own. */
  readonly recipientsByEnv: ReadonlyMap<string, string>;
  /** What a rule for files of `env` must name; `null`: files of every environment. */
  recipientFor(env: string | null): string;
  /** Identities to open a file with. @param env `null`: a file of every environment. */
  identitiesFor(env: string | null): readonly Identity[];
  /**
   * Reads the files again: an operator, or a command, may have put another identity there.
   * @returns True when anything changed. @throws HeadwaterError `HW_KEY_FILE`; then the identities before stay in use.
   */
  reload(): Promise<boolean>;
}

const identityName = 'secrets.identity';
const recipientName = 'secrets.recipient';

/**
 * Opens the identities of a data folder that this process holds exclusively. An older folder has none yet: it gets one.
 * @throws HeadwaterError `HW_KEY_FILE` naming a file that is missing, short, no identity, a placeholder or readable by others.
 */
export async function openIdentityStore(folder: DataFolder): Promise<IdentityStore> {
  const path = join(folder.keysDir, identityName);
  let own = await readIdentityFile(path);
  if (own === null) {
    if ((await readRecipient(folder)) !== null) throw badKey(path, 'is missing', identityHint);
    await makeIdentity(folder.keysDir);
    own = (await readIdentityFile(path)) as readonly Identity[];
  }
  // An operator may have put another identity in front; a crash may have come between the two files.
  if ((await readRecipient(folder)) !== recipientOf(own))
    await writeRecipient(folder.keysDir, recipientOf(own));
  let state = { own, byEnv: await readByEnvironment(folder) };
  const identitiesFor = (env: string | null) =>
    env === null ? state.own : (state.byEnv.get(env) ?? state.own);
  return {
    get recipient() {
      return recipientOf(state.own);
    },
    get recipientsByEnv() {
      return new Map([...state.byEnv].map(([env, identities]) => [env, recipientOf(identities)]));
    },
    identitiesFor,
    recipientFor: (env) => recipientOf(identitiesFor(env)),
    async reload() {
      const next = await readIdentityFile(path);
      if (next === null) throw badKey(path, 'is missing', identityHint);
      const before = namesOf(state);
      state = { own: next, byEnv: await readByEnvironment(folder) };
      return namesOf(state) !== before;
    },
  };
}

/** Public keys of all identities, to see whether they changed. */
function namesOf({
  own,
  byEnv,
}: {
  own: readonly Identity[];
  byEnv: ReadonlyMap<string, readonly Identity[]>;
}): string {
  const list = (identities: readonly Identity[]) => identities.map(({ recipient }) => recipient).join(' ');
  return [list(own), ...[...byEnv].map(([env, identities]) => `${env} ${list(identities)}`)].join('\n');
}

/**
 * Makes a new identity and puts it in front of those that are there, which go on opening what was made for them.
 * @returns Public keys of the new and of the one before it. @throws HeadwaterError `HW_KEY_FILE`, `HW_STORAGE_FAILED`.
 */
export async function renewIdentity({ keysDir }: Pick<DataFolder, 'keysDir'>): Promise<{
  readonly recipient: string;
  readonly before: string;
  /** Puts things back as they were. */
  undo(): Promise<void>;
}> {
  const path = join(keysDir, identityName);
  const own = await readIdentityFile(path);
  if (own === null) throw badKey(path, 'is missing', identityHint);
  const old = await readFile(path);
  const before = recipientOf(own);
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const head = `# Opens the secrets files of the config repository.\n# public key: ${recipient}\n${identity}\n`;
  await writeFileDurably(path, utf8(`${head}# before that:\n${old.toString('utf8')}`), { mode: 0o600 });
  await writeRecipient(keysDir, recipient);
  return {
    recipient,
    before,
    async undo() {
      await writeFileDurably(path, old, { mode: 0o600 });
      await writeRecipient(keysDir, before);
    },
  };
}

/** The public half, without looking at the private one: for commands beside the daemon. `null` when there is none. */
export async function readRecipient(folder: Pick<DataFolder, 'keysDir'>): Promise<string | null> {
  const path = join(folder.keysDir, recipientName);
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw badKey(path, `cannot be read: ${code ?? 'unknown error'}`, identityHint);
  }
}

/** Makes an identity with its public half in a folder that has none. @throws HeadwaterError `HW_STORAGE_FAILED`. */
export async function makeIdentity(keysDir: string): Promise<void> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  // The private one first: a public key alone would say that it was lost.
  const text = `# Opens the secrets files of the config repository.\n# public key: ${recipient}\n${identity}\n`;
  await writeFileDurably(join(keysDir, identityName), utf8(text), { mode: 0o600 });
  await writeRecipient(keysDir, recipient);
}

async function writeRecipient(keysDir: string, recipient: string): Promise<void> {
  await writeFileDurably(join(keysDir, recipientName), utf8(`${recipient}\n`), { mode: 0o600 });
}

const recipientOf = ([first]: readonly Identity[]): string => (first as Identity).recipient;

async function readByEnvironment({ keysDir }: DataFolder): Promise<Map<string, readonly Identity[]>> {
  const found = new Map<string, readonly Identity[]>();
  for (const name of await readdir(keysDir)) {
    const env = /^secrets\.(.+)\.identity$/.exec(name)?.[1];
    if (env === undefined || !isName(env)) continue;
    const identities = await readIdentityFile(join(keysDir, name));
    if (identities !== null) found.set(env, identities);
  }
  return found;
}
