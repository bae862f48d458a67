import { HeadwaterError, maxSecretsBundleBytes, type SecretsBundle, utf8 } from '@headwater/schemas/protocol';
import type { SealRequest } from '../ports.ts';

/** Bundles come in steps of this many bytes, so that their size tells little about the values. */
const padBytes = 256;

/**
 * The plaintext of a bundle: JSON, padded. [protocol §3.4] Wipe it when it is sealed.
 * @throws HeadwaterError `HW_SECRET_TOO_LARGE`.
 */
export function bundleBytes({ deployment, env, service, rev, values }: SealRequest): Uint8Array {
  const bundle: SecretsBundle = {
    deployment,
    env,
    service,
    rev,
    values: Object.fromEntries(values),
    pad: '',
  };
  const size = utf8(JSON.stringify(bundle)).length;
  if (size > maxSecretsBundleBytes) {
    throw new HeadwaterError('HW_SECRET_TOO_LARGE', {
      message: `the secrets of ${service} in ${env} make a bundle of ${size} bytes, expected ${maxSecretsBundleBytes} at most`,
      hint: 'Keep files out of the secrets of a service.',
    });
  }
  const missing = (padBytes - (size % padBytes)) % padBytes;
  return utf8(JSON.stringify({ ...bundle, pad: ' '.repeat(missing) }));
}
