/** Secrets bundles without cryptography, for tests of what is done with opened ones. */
import { parseSecretsBundle, type SealedSecrets, toHex, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { type OpenSecrets, unavailable } from '../secrets/opened-secrets.ts';
import { SecretValues } from '../secrets/secret-values.ts';

export const target = { deployment: 'tars', env: 'prod', service: 'stt-worker' };

type Values = Readonly<Record<string, string>>;

/** Revision number `n` of this service's secrets. */
export const revOf = (n: number): string => toHex(nodeCrypto.sha256(utf8(`secrets ${n}`)));

/** @param inner Fields of the bundle that differ from what the message says. @param salt Makes other bytes of the same content. */
export function sealPlainly(n: number, values: Values, inner: object = {}, salt = ''): SealedSecrets {
  const bundle = { ...target, rev: revOf(n), values, pad: salt, ...inner };
  return { rev: revOf(n), recipients: ['age1test'], sealed: JSON.stringify(bundle) };
}

/** An opener that counts, and that can lose its identity. */
export class PlainOpener {
  opened = 0;
  hasIdentity = true;

  open: OpenSecrets = ({ sealed, rev }) => {
    if (sealed === null) return unavailable('no-recipient', 'nobody to seal for', 'Enroll it.');
    if (!this.hasIdentity) return unavailable('other-recipient', 'another key', 'Use the right one.');
    this.opened += 1;
    const { values } = parseSecretsBundle(utf8(sealed), { ...target, rev });
    return { state: 'open', values: new SecretValues(Object.entries(values)), recipient: 'c'.repeat(16) };
  };
}
