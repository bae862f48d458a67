/** Bundles as age files. age hides what is inside; who wrote it is told by the signature of the message around it. */
import type { SecretBox } from '../ports.ts';
import { sealFor } from './age/seal.ts';
import { bundleBytes } from './bundle-bytes.ts';

export function createAgeSecretBox(): SecretBox {
  return {
    async seal(request) {
      const bytes = bundleBytes(request);
      try {
        return await sealFor(request.recipients, bytes);
      } finally {
        bytes.fill(0);
      }
    },
  };
}
