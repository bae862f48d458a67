/** Secrets: opened with the identities of this daemon, sealed for the services that may read them. */
import type { IdentityStore } from '../adapters/data/identity-store.ts';
import type { ReadBlob } from '../core/files.ts';
import type { OpenSecrets } from '../core/judge-opened.ts';
import type { ServiceSealer } from '../publishing/seal-plans.ts';
import { createAgeSecretBox } from '../secrets/age-secret-box.ts';
import { createSecretsOpener } from '../secrets/secrets-opener.ts';
import { createServiceSealer } from '../secrets/service-sealer.ts';
import { createDataKeyCache } from '../secrets/sops/data-key-cache.ts';
import type { Context } from './context.ts';

export interface Secrets {
  readonly open: OpenSecrets;
  /** @param readBlob Reads the secrets files of what is live. */
  sealer(deployment: string, readBlob: ReadBlob): ServiceSealer;
}

export function openSecrets({ scope }: Context, identities: IdentityStore): Secrets {
  const cache = createDataKeyCache();
  scope.defer(() => cache.clear());
  const open = createSecretsOpener({ identities, cache });
  return {
    open,
    sealer: (deployment, readBlob) =>
      createServiceSealer({ deployment, readBlob, openSecrets: open, box: createAgeSecretBox() }),
  };
}
