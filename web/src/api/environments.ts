import type { EnvironmentState } from '@headwater/schemas/http';
import { get, pathOf } from './http.ts';

export function readEnvironment(env: string, signal?: AbortSignal): Promise<EnvironmentState> {
  return get(pathOf(['epoch'], { env }), signal);
}
