/** The secrets of one service, from its files in the repository to the bundle that its message carries. */
import { HeadwaterError, type SealedSecrets } from '@headwater/schemas/protocol';
import { type ReadBlob, readWithin } from '../core/files.ts';
import type { LayerFile, ServiceInputs } from '../core/inputs.ts';
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
  /** Another file of the repository with the data key of this one, or `null`. Asked after the file was opened. */
  readonly copyOf: (file: LayerFile) => string | null;
}

export function createServiceSealer(deps: ServiceSealerDeps): ServiceSealer {
  const { deployment, box } = deps;
  return {
    async seal({ inputs, resolved }: LiveService): Promise<SealedSecrets> {
      const { rev, recipients } = resolved.secrets ?? noSecrets(inputs);
      if (recipients.length === 0) return { rev, recipients, sealed: null };
      const values = await openFiles(inputs, deps);
      const { env, service } = inputs;
      const sealed = await box.seal({ deployment, env, service, rev, values, recipients });
      return { rev, recipients, sealed };
    },
  };
}

/** Values by pointer, later layers over earlier ones: base, then the environments from the root of `extends` down. */
async function openFiles(
  { secrets }: ServiceInputs,
  { readBlob, openSecrets, copyOf }: ServiceSealerDeps,
): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const file of secrets) {
    const bytes = await readWithin(readBlob, file.oid);
    if (bytes === null) throw new Error(`${file.path}: ${tooLarge().message}`); // judged before it was live
    for (const [pointer, value] of await openSecrets(file, bytes)) values.set(pointer, value);
    const other = copyOf(file);
    if (other !== null) throw copied(file, other);
  }
  return values;
}

/** Sealing it would hand the secrets of one path to the readers of another. */
function copied({ path }: LayerFile, other: string): HeadwaterError {
  return new HeadwaterError('HW_SECRET_COPIED', {
    message: `${path} has the data key of ${other}: one of them is a copy of the other, or of an older version`,
    hint: `Remove the copy, or give it a key of its own: sops rotate -i ${path}`,
    details: { file: path, other },
  });
}

function noSecrets({ service, env }: ServiceInputs): never {
  throw new Error(`${service} in ${env} has no secrets`);
}
