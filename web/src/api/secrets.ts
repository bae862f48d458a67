import type { SecretResult } from '@headwater/schemas/http';
import { ask, pathOf } from './http.ts';

/** Where a secret stands. */
export interface SecretPlace {
  readonly service: string;
  /** "base" or an environment. */
  readonly layer: string;
  readonly pointer: string;
}

const path = ({ service, layer, pointer }: SecretPlace): string =>
  pathOf(['services', service, 'secrets'], { env: layer, pointer });

/** Seals a value and commits it. It is kept nowhere in the browser. */
export async function setSecret(place: SecretPlace, value: string): Promise<SecretResult> {
  return (await ask<SecretResult>(path(place), { method: 'PUT', body: { value } })).body;
}

export async function removeSecret(place: SecretPlace): Promise<SecretResult> {
  return (await ask<SecretResult>(path(place), { method: 'DELETE' })).body;
}
