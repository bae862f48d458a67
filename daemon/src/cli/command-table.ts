/**
 * Every command, with the file that knows it. A file is loaded only when its command is asked for, so `--help` stays fast
 * whatever the commands need.
 */
import type { Command } from 'commander';

export type RegisterCommand = (program: Command) => void;

export interface CommandEntry {
  readonly name: string;
  /** The same as the command's own summary; a test holds them together. */
  readonly summary: string;
  readonly group: string;
  load(): Promise<RegisterCommand>;
}

const start = 'Start:';
const edit = 'Change:';
const look = 'Look:';
const people = 'People:';
const develop = 'Develop:';

export const commandTable: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'make a new config repository',
    group: start,
    load: async () => (await import('./commands/init.ts')).registerInit,
  },
  {
    name: 'serve',
    summary: 'run the daemon',
    group: start,
    load: async () => (await import('./commands/serve.ts')).registerServe,
  },
  {
    name: 'service',
    summary: 'add, rename and remove services',
    group: edit,
    load: async () => (await import('./commands/service.ts')).registerService,
  },
  {
    name: 'import',
    summary: 'take values from a .env or JSON file',
    group: edit,
    load: async () => (await import('./commands/import.ts')).registerImport,
  },
  {
    name: 'enroll',
    summary: 'give a service its credentials',
    group: start,
    load: async () => (await import('./commands/enroll.ts')).registerEnroll,
  },
  {
    name: 'validate',
    summary: 'find every mistake in a config repository',
    group: edit,
    load: async () => (await import('./commands/validate.ts')).registerValidate,
  },
  {
    name: 'secrets',
    summary: 'read and change encrypted secrets',
    group: edit,
    load: async () => (await import('./commands/secrets/secrets.ts')).registerSecrets,
  },
  {
    name: 'merge-driver',
    summary: 'merge settings by key, for git',
    group: edit,
    load: async () => (await import('./commands/merge-driver.ts')).registerMergeDriver,
  },
  {
    name: 'set',
    summary: 'set one setting',
    group: edit,
    load: async () => (await import('./commands/set.ts')).registerSet,
  },
  {
    name: 'revert',
    summary: 'undo a commit, or go back to an earlier state',
    group: edit,
    load: async () => (await import('./commands/revert.ts')).registerRevert,
  },
  {
    name: 'preset',
    summary: 'save and activate values of many services',
    group: edit,
    load: async () => (await import('./commands/preset.ts')).registerPreset,
  },
  {
    name: 'status',
    summary: 'show where every environment stands',
    group: look,
    load: async () => (await import('./commands/status.ts')).registerStatus,
  },
  {
    name: 'get',
    summary: "print a service's resolved config",
    group: look,
    load: async () => (await import('./commands/get.ts')).registerGet,
  },
  {
    name: 'watch',
    summary: "follow a service's live config",
    group: look,
    load: async () => (await import('./commands/watch.ts')).registerWatch,
  },
  {
    name: 'log',
    summary: 'list what changed, when, and by whom',
    group: look,
    load: async () => (await import('./commands/log.ts')).registerLog,
  },
  {
    name: 'why',
    summary: 'say who set a value, when, and what it was',
    group: look,
    load: async () => (await import('./commands/why.ts')).registerWhy,
  },
  {
    name: 'drift',
    summary: 'list clients that do not run what is live',
    group: look,
    load: async () => (await import('./commands/drift.ts')).registerDrift,
  },
  {
    name: 'epoch',
    summary: 'accept rewritten history',
    group: look,
    load: async () => (await import('./commands/epoch.ts')).registerEpoch,
  },
  {
    name: 'doctor',
    summary: 'say why a service is not live',
    group: look,
    load: async () => (await import('./commands/doctor.ts')).registerDoctor,
  },
  {
    name: 'verify',
    summary: 'say who signed a message or file',
    group: look,
    load: async () => (await import('./commands/verify.ts')).registerVerify,
  },
  {
    name: 'keys',
    summary: 'show and replace the keys that sign',
    group: look,
    load: async () => (await import('./commands/keys.ts')).registerKeys,
  },
  {
    name: 'token',
    summary: 'make, list and revoke tokens',
    group: people,
    load: async () => (await import('./commands/token.ts')).registerToken,
  },
  {
    name: 'audit',
    summary: 'check and print who did what',
    group: people,
    load: async () => (await import('./commands/audit.ts')).registerAudit,
  },
  {
    name: 'login-link',
    summary: 'make a link that logs a browser in once',
    group: people,
    load: async () => (await import('./commands/login-link.ts')).registerLoginLink,
  },
  {
    name: 'typegen',
    summary: 'write types from a service schema',
    group: develop,
    load: async () => (await import('./commands/typegen.ts')).registerTypegen,
  },
];
