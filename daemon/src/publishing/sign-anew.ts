/** Messages that stand on the topics, with the signatures that count now. What they say stays what it is. */
import {
  fromUtf8,
  isObject,
  type JsonValue,
  type Keyring,
  type Payload,
  parseEnvelope,
  parseJson,
} from '@headwater/schemas/protocol';
import type { MessageSigner } from './message-signer.ts';
import type { PublishedService } from './plan.ts';

/** True when a key that is not revoked signed the message, as far as its header says. It was verified when it was taken over. */
export function countsUnder(keyring: Keyring): (envelope: Uint8Array) => boolean {
  return (envelope) =>
    parseEnvelope(envelope).signatures.some(({ keyId }) => {
      const entry = keyring.entries.get(keyId);
      return entry !== undefined && entry.signer.revoked === undefined;
    });
}

/** @param issuedAt RFC 3339: a new key signs nothing that was issued before it. */
export function signedAnew(
  published: PublishedService,
  signer: MessageSigner,
  issuedAt: string,
): PublishedService {
  const { envelope, schemaEnvelope } = published;
  return {
    ...published,
    envelope: signer.sign(reissued(envelope, issuedAt)),
    ...(schemaEnvelope === undefined
      ? {}
      : { schemaEnvelope: signer.sign(reissued(schemaEnvelope, issuedAt)) }),
  };
}

function reissued(envelope: Uint8Array, issuedAt: string): Payload {
  const payload: JsonValue = parseJson(fromUtf8(parseEnvelope(envelope).payload));
  if (!isObject(payload)) throw new Error('a message that was verified holds no object');
  return { ...payload, issuedAt } as unknown as Payload;
}
