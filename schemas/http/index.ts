/**
 * What the daemon's HTTP API says, as types: shared by the daemon that answers and the web editor that asks. Routes and errors:
 * docs/api.md. Pure types, nothing here runs.
 */
export type * from './changes.ts';
export type * from './compare.ts';
export type * from './edits.ts';
export type * from './environments.ts';
export type * from './events.ts';
export type * from './history.ts';
export type * from './presets.ts';
export type * from './problem.ts';
export type * from './reverts.ts';
export type * from './rewrites.ts';
export type * from './search.ts';
export type * from './secrets.ts';
export type * from './service-changes.ts';
export type * from './services.ts';
export type * from './session.ts';
export type * from './tokens.ts';
