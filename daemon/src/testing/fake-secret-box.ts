import { randomBytes } from 'node:crypto';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { SecretBox } from '../ports.ts';
import { bundleBytes } from '../secrets/bundle-bytes.ts';
import type { SecretBoxScene } from './secret-box.contract.ts';

/** A box that everybody can look into, for tests of what is sealed for whom. */
export function createFakeSecretBox(): SecretBox {
  return {
    async seal(request) {
      const { recipients } = request;
      if (recipients.length === 0 || !recipients.every((one) => /^age1\w{58}$/.test(one)))
        throw new HeadwaterError('HW_KEY_INVALID', { message: 'no recipient' });
      const bytes = Buffer.from(bundleBytes(request)).toString('base64');
      return JSON.stringify({ recipients, bytes, nonce: randomBytes(8).toString('hex') });
    },
  };
}

/** Opens what the fake sealed. */
export const openFakeBox: SecretBoxScene['open'] = async (sealed, { recipient }) => {
  const { recipients, bytes } = JSON.parse(sealed) as { recipients: string[]; bytes: string };
  return recipients.includes(recipient) ? Buffer.from(bytes, 'base64') : null;
};
