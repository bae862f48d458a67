/** Bundles as age files. age hides who reads what is inside; who wrote it is told by the signature of the message around it. */

import { HeadwaterError } from '@headwater/schemas/protocol';
import { armor, Encrypter } from 'age-encryption';
import type { SecretBox } from '../ports.ts';
import { bundleBytes } from './bundle-bytes.ts';

export function createAgeSecretBox(): SecretBox {
  return {
    async seal(request) {
      const encrypter = new Encrypter();
      for (const recipient of request.recipients) addRecipient(encrypter, recipient, request.service);
      const bytes = bundleBytes(request);
      try {
        return armor.encode(await encrypter.encrypt(bytes));
      } finally {
        bytes.fill(0);
      }
    },
  };
}

function addRecipient(encrypter: Encrypter, recipient: string, service: string): void {
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    throw new HeadwaterError('HW_KEY_INVALID', {
      message: `${recipient} is no age public key that secrets of ${service} could be sealed for`,
      hint: 'Correct the recipients file of the service.',
      cause,
    });
  }
}
