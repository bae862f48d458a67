/** Typed, verified, live configuration for a Node service. Importing this has no side effect. */
export {
  type ClientState,
  type Epoch,
  type ErrorCode,
  HeadwaterError,
  isHeadwaterError,
} from '@headwater/schemas/protocol';
export type { Change } from './changes.ts';
export { HeadwaterClient } from './client.ts';
export { connect } from './connect.ts';
export type { Refusal } from './machine-state.ts';
export type { ClientLog, ConnectionFields, ConnectOptions, ServiceSchema } from './options.ts';
export type { SecretsReason } from './secrets/opened-secrets.ts';
export type {
  AppliedEvent,
  ChangeEvent,
  ClientEvents,
  Counters,
  DeepReadonly,
  Explanation,
  SecretReading,
  StateEvent,
  Warning,
} from './types.ts';
