/** The secrets of one service, from its files in the repository to the bundle that its message carries. */
import type { SealedSecrets } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from '../core/files.ts';
import type { ServiceInputs } from '../core/inputs.ts';
import type { OpenSecrets } from '../core/judge-opened.ts';
import { tooLarge } from '../core/parse-config.ts';
import type { LiveService } from '../epochs/environment-track.ts';
import type { SecretBox } from '../ports.ts';
import type { ServiceSealer } from '../publishing/seal-plans.ts';

export interface ServiceSealerDeps {
  readonly deployment: string;
  readonly readBlob: ReadBlob;
  readonly openSecrets: OpenSecrets;
  readonly box: SecretBox;
}

export function createServiceSealer({
  deployment,
  readBlob,
  openSecrets,
  box,
}: ServiceSealerDeps): ServiceSealer {
  return {
    async seal({ inputs, resolved }: LiveService): Promise<SealedSecrets> {
      const { rev, recipients } = resolved.secrets ?? noSecrets(inputs);
      if (recipients.length === 0) return { rev, recipients, sealed: null };
      const values = await openFiles(inputs, readBlob, openSecrets);
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
async function openFiles(
  { secrets }: ServiceInputs,
  readBlob: ReadBlob,
  open: OpenSecrets,
): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const file of secrets) {
    const bytes = await readWithin(readBlob, file.oid);
    if (bytes === null) throw new Error(`${file.path}: ${tooLarge().message}`); // judged before it was live
    for (const [pointer, value] of await open(file, bytes)) values.set(pointer, value);
  }
  return values;
}

function noSecrets({ service, env }: ServiceInputs): never {
  throw new Error(`${service} in ${env} has no secrets`);
}
