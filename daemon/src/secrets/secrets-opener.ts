/** Opens secrets files of the repository with the identities of this daemon. */
import { HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { LayerFile } from '../core/inputs.ts';
import type { OpenSecrets } from '../core/judge-opened.ts';
import { SerialQueue } from '../serial-queue.ts';
import type { Identity } from './age/identity.ts';
import type { DataKeyBook } from './data-key-book.ts';
import type { DataKeyCache } from './sops/data-key-cache.ts';
import { openSopsFile } from './sops/open-sops-file.ts';
import { parseSopsFile } from './sops/parse-sops-file.ts';

/** Which identities are tried for whose files. @param env `null`: files of every environment. */
export interface IdentityChoice {
  identitiesFor(env: string | null): readonly Identity[];
  /** Public key of the first of them. */
  recipientFor(env: string | null): string;
}

export interface SecretsOpenerDeps {
  readonly identities: IdentityChoice;
  readonly cache?: DataKeyCache;
  /** Told of every data key. */
  readonly book?: DataKeyBook;
  /** Looks for other identities when one is missing; true when there are. Default: there never are. */
  readonly reload?: () => Promise<boolean>;
}

/** One file at a time, with the event loop running in between: a start may have to open thousands. */
export function createSecretsOpener({ identities, cache, book, reload }: SecretsOpenerDeps): OpenSecrets {
  const queue = new SerialQueue();

  async function open(file: LayerFile, bytes: Uint8Array): Promise<ReadonlyMap<string, string>> {
    // Web streams, which the age library reads through, settle in microtasks alone.
    await new Promise((resolve) => setImmediate(resolve));
    const env = file.layer === 'base' ? null : file.layer;
    try {
      const keys = { identities: identities.identitiesFor(env), ...(cache ? { cache } : {}) };
      const opened = await openSopsFile(parseSopsFile(bytes), keys);
      book?.note(file, opened.dataKey);
      opened[Symbol.dispose]();
      return opened.values;
    } catch (error) {
      if (isHeadwaterError(error, 'HW_SECRETS_NO_IDENTITY'))
        throw secretsUnreadable(file.path, identities.recipientFor(env), error);
      throw error;
    }
  }

  /** A file may be for an identity that came after the start: it is made before it is used. */
  async function openOrReload(file: LayerFile, bytes: Uint8Array): Promise<ReadonlyMap<string, string>> {
    try {
      return await open(file, bytes);
    } catch (error) {
      if (!isHeadwaterError(error, 'HW_SECRET_UNREADABLE') || !(await reload?.())) throw error;
      return open(file, bytes);
    }
  }

  return (file, bytes) => queue.run(() => openOrReload(file, bytes));
}

/** @param recipient Public key of the daemon for that file. */
export function secretsUnreadable(path: string, recipient: string, cause: HeadwaterError): HeadwaterError {
  return new HeadwaterError('HW_SECRET_UNREADABLE', {
    message: `this daemon cannot open ${path}: ${recipient} is not among its recipients`,
    hint: `Add ${recipient} to the rule of that path in .sops.yaml, then: sops updatekeys ${path}`,
    details: { file: path, recipient },
    cause,
  });
}
