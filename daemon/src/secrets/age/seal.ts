import { HeadwaterError, maxSecretsRecipients } from '@headwater/schemas/protocol';
import { armor, Encrypter } from 'age-encryption';
import { SerialQueue } from '../../serial-queue.ts';
import { maxAgeStanzas } from './age-header.ts';
import { parseRecipient } from './recipient.ts';

/**
 * Encrypts bytes for X25519 recipients: each of them can open the file alone. Bundles for many services may be asked for at once: they
 * are made one after the other, with the event loop running between them (some 0.4 ms each, 1 KiB of content).
 * @param bytes Padded by the caller: an age file shows the size of what is in it.
 * @returns An armored age file with a final newline.
 * @throws HeadwaterError `HW_KEY_INVALID` for no recipient, more than 256, or one that is no X25519 public key.
 */
export function sealFor(recipients: readonly string[], bytes: Uint8Array): Promise<string> {
  return bundles.run(async () => {
    // Web streams settle in microtasks alone: without this a thousand bundles would be one block.
    await new Promise(setImmediate);
    return seal(recipients, bytes, maxSecretsRecipients);
  });
}

const bundles = new SerialQueue();

/** As `sealFor`, without waiting for others, and for 64 at most: for the few files of one edit. */
export function sealNow(recipients: readonly string[], bytes: Uint8Array): Promise<string> {
  return seal(recipients, bytes, maxAgeStanzas);
}

async function seal(recipients: readonly string[], bytes: Uint8Array, max: number): Promise<string> {
  if (recipients.length === 0 || recipients.length > max) {
    throw new HeadwaterError('HW_KEY_INVALID', {
      message: `${recipients.length} recipients, expected 1 to ${max}`,
      hint: 'Name the public keys (age1…) of those who shall open it.',
    });
  }
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(parseRecipient(recipient));
  return armor.encode(await encrypter.encrypt(bytes));
}
