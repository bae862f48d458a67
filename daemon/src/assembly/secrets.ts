/** Secrets: opened with the identities of this daemon, sealed for the services that may read them. */
import type { IdentityStore } from '../adapters/data/identity-store.ts';
import { auditedSealer } from '../audit-entries.ts';
import type { ReadBlob } from '../core/files.ts';
import type { OpenSecrets } from '../core/judge-opened.ts';
import { classifyPath } from '../core/layout.ts';
import type { RepoIndex } from '../core/repo-index.ts';
import type { Editor } from '../editing/edit.ts';
import { createSecretsDesk, type SecretsDesk } from '../editing/secrets-desk.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Audit, ObjectReader } from '../ports.ts';
import type { ServiceSealer } from '../publishing/seal-plans.ts';
import { createAgeSecretBox } from '../secrets/age-secret-box.ts';
import { DataKeyBook, type FileAt } from '../secrets/data-key-book.ts';
import { createSecretsOpener } from '../secrets/secrets-opener.ts';
import { createServiceSealer } from '../secrets/service-sealer.ts';
import { createDataKeyCache } from '../secrets/sops/data-key-cache.ts';
import type { Context } from './context.ts';

export interface Secrets {
  readonly open: OpenSecrets;
  sealer(scene: SealingScene): ServiceSealer;
  /** Where secrets are changed by people who cannot read them. */
  desk(scene: DeskScene): SecretsDesk;
}

export interface DeskScene {
  readonly editor: Editor;
  readonly reader: Pick<ObjectReader, 'findFiles'>;
  readonly readBlob: ReadBlob;
  /** Asked late: requests come only when it runs. */
  readonly pipeline: () => Pick<Pipeline, 'engine' | 'era'>;
}

export interface SealingScene {
  readonly deployment: string;
  /** Reads the secrets files of what is live. */
  readonly readBlob: ReadBlob;
  /** What the repository holds now; `null` before the first commit was read. */
  readonly index: () => RepoIndex | null;
  readonly audit: Audit;
  /** Era in force. */
  readonly era: () => number;
}

/** @param indexKey Secret of this data folder, 32 bytes: data keys are remembered as hashes under it. */
export function openSecrets(
  { scope, clock, log }: Context,
  identities: IdentityStore,
  indexKey: Uint8Array,
): Secrets {
  const cache = createDataKeyCache();
  scope.defer(() => cache.clear());
  const book = new DataKeyBook(indexKey);
  const reload = () =>
    identities.reload().catch((error: unknown) => {
      // Whoever waits is told that nothing opens the file; that the files are damaged, too, is for the log.
      log.error({ err: error }, 'age identities cannot be read again');
      return false;
    });
  const open = createSecretsOpener({ identities, cache, book, reload });
  return {
    open,
    sealer({ deployment, readBlob, index, audit, era }) {
      const sealer = createServiceSealer({
        ...{ deployment, readBlob, openSecrets: open, box: createAgeSecretBox() },
        copyOf: (file) => book.copyOf(file, fileIn(index())),
      });
      return auditedSealer(sealer, audit, era);
    },
    desk: ({ editor, reader, readBlob, pipeline }) =>
      createSecretsDesk({
        ...{ editor, reader, readBlob, identities, cache },
        index: () => pipeline().engine?.index ?? null,
        at: () => pipeline().engine?.at ?? null,
        era: () => pipeline().era,
        now: () => new Date(clock.now()),
      }),
  };
}

/** Secrets files by path, as the environments of a repository use them. */
function fileIn(index: RepoIndex | null): FileAt {
  return (path) => {
    const role = classifyPath(path);
    if (index === null || role.kind !== 'secrets') return null;
    for (const env of index.environments()) {
      const file = index.inputs(role.service, env)?.secrets.find((one) => one.path === path);
      if (file) return file.oid;
    }
    return null;
  };
}
