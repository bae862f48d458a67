/**
 * The seal of the ledger. Whoever can push to a repository can write any ref, so the record of what was published counts only with
 * a signature of this deployment: a force push stays a force push, and a stranger's daemon on a clone never starts an era for us.
 */
import {
  type CryptoBackend,
  concatBytes,
  fromBase64Url,
  HeadwaterError,
  type Keyring,
  keyIdOf,
  type SigningKey,
  toBase64Url,
  utf8,
} from '@headwater/schemas/protocol';

export interface LedgerSeal {
  /** Seals bytes: `<keyid> <signature>`, one pair per signing key, separated by spaces. */
  seal(bytes: Uint8Array): string;
  /**
   * Returns whether every key that signs now sealed these bytes.
   * @throws HeadwaterError `HW_LEDGER_FOREIGN` when no key of the deployment that still counts did.
   */
  check(bytes: Uint8Array, seal: string): boolean;
}

export interface LedgerSealDeps {
  /** Keys that sign now. Asked each time: keys are rotated while the daemon runs. */
  readonly signers: () => readonly SigningKey[];
  readonly keyring: () => Keyring;
  readonly crypto: CryptoBackend;
}

const payloadType = 'application/vnd.headwater.ledger.v1+json';

export function createLedgerSeal({ signers, keyring, crypto }: LedgerSealDeps): LedgerSeal {
  return {
    seal(bytes) {
      const text = preAuthentication(bytes);
      const pairs = signers().map(
        ({ publicKey, seed }) => `${keyIdOf(publicKey, crypto)} ${toBase64Url(crypto.sign(text, seed))}`,
      );
      return pairs.join(' ');
    },
    check(bytes, seal) {
      const text = preAuthentication(bytes);
      const { entries } = keyring();
      const sealedBy = new Set<string>();
      for (const { keyId, signature } of pairsOf(seal)) {
        const entry = entries.get(keyId);
        if (entry === undefined || entry.signer.revoked !== undefined) continue;
        if (crypto.verify(signature, text, entry.publicKey)) sealedBy.add(keyId);
      }
      if (sealedBy.size === 0) throw ledgerForeign('none of the keys of this deployment sealed it');
      return signers().every(({ publicKey }) => sealedBy.has(keyIdOf(publicKey, crypto)));
    },
  };
}

export function ledgerForeign(
  reason: string,
  details: Readonly<Record<string, unknown>> = {},
): HeadwaterError {
  return new HeadwaterError('HW_LEDGER_FOREIGN', {
    message: `the record of what was published is somebody else's: ${reason}`,
    hint: 'Use the keys that belong to this repository. If they are lost, start a new era: headwater epoch accept-rewrite.',
    details,
  });
}

/** DSSE, as for messages; the type keeps a ledger from being taken for one of them. */
function preAuthentication(bytes: Uint8Array): Uint8Array {
  return concatBytes(utf8(`DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `), bytes);
}

function pairsOf(seal: string): { keyId: string; signature: Uint8Array }[] {
  const fields = seal.split(' ').slice(0, 8);
  const pairs: { keyId: string; signature: Uint8Array }[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const signature = fromBase64Url(fields[i + 1] as string);
    if (signature?.length === 64) pairs.push({ keyId: fields[i] as string, signature });
  }
  return pairs;
}
