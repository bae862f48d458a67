/** Bundles as a daemon seals them: real age files, made with the age project's own library. */
import type { SealedSecrets } from '@headwater/schemas/protocol';
import * as age from 'age-encryption';
import { revOf, target } from './plain-secrets.ts';

export interface TestIdentity {
  /** `AGE-SECRET-KEY-1…` */
  readonly identity: string;
  readonly recipient: string;
}

export async function makeTestIdentity(): Promise<TestIdentity> {
  const identity = await age.generateX25519Identity();
  return { identity, recipient: await age.identityToRecipient(identity) };
}

/** Revision `n` of this service's secrets. @param inner Fields of the bundle that differ from what the message says. */
export async function sealFor(
  to: readonly TestIdentity[],
  n: number,
  values: Readonly<Record<string, string>>,
  inner: object = {},
): Promise<SealedSecrets> {
  const encrypter = new age.Encrypter();
  for (const { recipient } of to) encrypter.addRecipient(recipient);
  const bundle = JSON.stringify({ ...target, rev: revOf(n), values, pad: ' '.repeat(64), ...inner });
  const recipients = to.map(({ recipient }) => recipient);
  return { rev: revOf(n), recipients, sealed: age.armor.encode(await encrypter.encrypt(bundle)) };
}
