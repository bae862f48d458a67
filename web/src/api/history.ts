import type { Comparison, EpochDetail, EpochList, ServiceHistory } from '@headwater/schemas/http';
import { get, pathOf } from './http.ts';

export interface EpochQuery {
  readonly limit?: number | undefined;
  readonly before?: string | undefined;
  readonly service?: string | undefined;
  readonly author?: string | undefined;
}

export function listEpochs(query: EpochQuery, signal?: AbortSignal): Promise<EpochList> {
  return get(pathOf(['epochs'], { ...query }), signal);
}

export function readEpoch(commit: string, signal?: AbortSignal): Promise<EpochDetail> {
  return get(pathOf(['epochs', commit]), signal);
}

export function compareEpochs(from: string, to: string, signal?: AbortSignal): Promise<Comparison> {
  return get(pathOf(['compare'], { from, to }), signal);
}

export interface HistoryQuery {
  readonly service: string;
  readonly env: string;
  readonly pointer?: string | undefined;
  readonly limit?: number | undefined;
  readonly before?: string | undefined;
}

export function readHistory(query: HistoryQuery, signal?: AbortSignal): Promise<ServiceHistory> {
  return get(pathOf(['history'], { ...query }), signal);
}
