/** Secrets of the fake: everything stays in one process, so the "seal" is plain JSON. Real sealing is tested with real age files. */
import { type SealedSecrets, toHex, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { type OpenSecrets, unavailable } from '../secrets/opened-secrets.ts';
import { SecretValues } from '../secrets/secret-values.ts';

type Values = Readonly<Record<string, string>>;

export function sealedByFake(values: Values): SealedSecrets {
  const sealed = JSON.stringify(values);
  return { rev: toHex(nodeCrypto.sha256(utf8(sealed))), recipients: ['age1fake'], sealed };
}

export function fakeValues({ sealed }: SealedSecrets): Values {
  return JSON.parse(sealed ?? '{}') as Values;
}

export const openFakeSecrets: OpenSecrets = (secrets) => ({
  state: 'open',
  values: new SecretValues(Object.entries(fakeValues(secrets))),
  recipient: '0'.repeat(16),
});

export const refuseFakeSecrets: OpenSecrets = () =>
  unavailable(
    'other-recipient',
    'the fake was told to seal for somebody else',
    'Connect without `opensSecrets: false`.',
  );
