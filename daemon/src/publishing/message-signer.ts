import {
  type CryptoBackend,
  type MessageKind,
  type Payload,
  type SigningKey,
  signEnvelope,
  utf8,
} from '@headwater/schemas/protocol';

/** Signs payloads with the daemon's signing keys (two while a rotation runs). */
export interface MessageSigner {
  sign(payload: Payload): Uint8Array;
}

/** @param keys Asked for every message: keys are rotated while the daemon runs. */
export function createMessageSigner(keys: () => readonly SigningKey[], crypto: CryptoBackend): MessageSigner {
  return {
    sign: (payload) =>
      signEnvelope(payload.kind satisfies MessageKind, utf8(JSON.stringify(payload)), keys(), crypto),
  };
}
