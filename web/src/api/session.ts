import type { LoginRequest, Me } from '@headwater/schemas/http';
import { ask, get } from './http.ts';

export function readMe(signal?: AbortSignal): Promise<Me> {
  return get('/me', signal);
}

export async function logIn(credential: LoginRequest): Promise<void> {
  await ask('/session', { method: 'POST', body: credential });
}

export async function logOut(): Promise<void> {
  await ask('/session', { method: 'DELETE' });
}
