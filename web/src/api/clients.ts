import type { ClientList } from '@headwater/schemas/http';
import { get, pathOf } from './http.ts';

export function listClients(env: string, signal?: AbortSignal): Promise<ClientList> {
  return get(pathOf(['clients'], { env }), signal);
}
