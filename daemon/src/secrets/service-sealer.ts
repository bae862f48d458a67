/** The secrets of one service, from its files in the repository to the bundle that its message carries. */
import type { SealedSecrets } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from '../core/files.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import { tooLarge } from '../core/parse-config.ts';
import type { LiveService } from '../epochs/environment-track.ts';
import type { SecretBox } from '../ports.ts';
import type { ServiceSealer } from '../publishing/seal-plans.ts';
import type { SecretsOpener } from './secrets-opener.ts';

export interface ServiceSealerDeps {
  readonly deployment: string;
  readonly readBlob: ReadBlob;
  readonly opener: SecretsOpener;
  readonly box: SecretBox;
}

export function createServiceSealer({ deployment, readBlob, opener, box }: ServiceSealerDeps): ServiceSealer {
  return {
    async seal({ inputs, resolved }: LiveService): Promise<SealedSecrets> {
      const { rev, recipients } = resolved.secrets ?? noSecrets(inputs);
      if (recipients.length === 0) return { rev, recipients, sealed: null };
      // Nothing else of this daemon has to wait for a thousand of these: every service is a turn of its own.
      await nextTurn();
      const values = await openSecrets(inputs, readBlob, opener);
      const { env, service } = inputs;
      return {
        rev,
        recipients,
        sealed: await box.seal({ deployment, env, service, rev, values, recipients }),
      };
    },
  };
}

/** Values by pointer, later layers over earlier ones: base, then the environments from the root of `extends` down. */
async function openSecrets(
  { secrets }: ServiceInputs,
  readBlob: ReadBlob,
  opener: SecretsOpener,
): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const file of secrets) {
    const bytes = await readWithin(readBlob, file.oid);
    if (bytes === null) throw new Error(`${file.path}: ${tooLarge().message}`); // judged before it was live
    for (const [pointer, value] of await opener.open(file, bytes)) values.set(pointer, value);
  }
  return values;
}

function noSecrets({ service, env }: ServiceInputs): never {
  throw new Error(`${service} in ${env} has no secrets`);
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
