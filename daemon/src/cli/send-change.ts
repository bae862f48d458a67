/** A change that a command asks the daemon for, and its answer in words. */
import type { Conflict, DryRun, EditResult, ServiceChange, SettingProblem } from '@headwater/schemas/http';
import { describeEpoch, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import type { Io } from './command.ts';
import type { DaemonAnswer, DaemonApi, SendMethod } from './daemon-api.ts';
import { clean, count, showValue } from './output.ts';

export interface ChangeCommandOptions {
  readonly message?: string;
  readonly dryRun?: boolean;
}

export function addChangeOptions(command: Command): Command {
  return command
    .option('-m, --message <text>', 'message of the commit (default: written for you)')
    .option('--dry-run', 'show what would change, and change nothing');
}

export interface ChangeToSend {
  readonly method: SendMethod;
  /** From the root, without a query or with one. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean | undefined;
  /** Said above the answer. */
  readonly head?: (answer: DaemonAnswer) => readonly string[];
}

/** A change of everything is judged before it is answered. */
const timeoutMs = 120_000;

/** @returns false when the change is refused, with the reasons told: conflicts, or problems. @throws as `DaemonApi.send`. */
export async function sendChange(io: Io, api: DaemonApi, change: ChangeToSend): Promise<boolean> {
  const { method, path, body, headers = {}, dryRun = false } = change;
  const url = dryRun ? `${path}${path.includes('?') ? '&' : '?'}dryRun=true` : path;
  try {
    const sending = api.send(method, url, body, { headers, timeoutMs });
    const answer = await io.out.progress(dryRun ? 'Asking the daemon' : 'Committing', sending);
    const head = change.head?.(answer) ?? [];
    // Our own daemon wrote it; the token went to no one else.
    if (dryRun) return tellDryRun(io, answer.body as unknown as DryRun, head);
    const result = answer.body as unknown as EditResult;
    io.out.result(result, [...head, ...resultText(result)].join('\n'));
    return true;
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_EDIT_CONFLICT') && !isHeadwaterError(error, 'HW_EDIT_INVALID'))
      throw error;
    const { conflicts = [], problems = [] } = error.details as Partial<
      Pick<DryRun, 'conflicts' | 'problems'>
    >;
    const text = [clean(error.message), ...conflicts.map(conflictText), ...problems.map(problemText)];
    io.out.result(
      { ok: false, code: error.code, message: error.message, conflicts, problems },
      text.join('\n'),
    );
    if (error.hint) io.out.note(clean(error.hint));
    return false;
  }
}

function tellDryRun(io: Io, preview: DryRun, head: readonly string[]): boolean {
  const { changes, conflicts, problems } = preview;
  const isRefused = conflicts.length + problems.length + preview.protected.length > 0;
  const lines = [
    ...head,
    ...(changes.length === 0 ? ['Nothing would change.'] : changes.flatMap(changeText)),
    ...conflicts.map(conflictText),
    ...problems.map(problemText),
    ...preview.protected.map((env) => `${clean(env)} is protected: there it needs a proposal`),
  ];
  io.out.result({ ok: !isRefused, ...preview }, lines.join('\n'));
  return !isRefused;
}

function resultText({ changed, epoch, applied, held = [], merged }: EditResult): string[] {
  if (!changed) return ['Nothing to change: everything is like that already.'];
  const live = Object.keys(applied).map(clean).join(', ');
  return [
    `Committed ${describeEpoch(epoch)}${live === '' ? '' : `, live in ${live}`}${merged ? ' (merged with newer changes)' : ''}`,
    ...held.map(
      ({ env, since, code }) =>
        `${clean(env)} waits since ${clean(since.slice(0, 7))} (${clean(code)}): see headwater status`,
    ),
  ];
}

export function changeText({
  env,
  service,
  kind,
  settings,
  secretsChanged,
  schemaChanged,
}: ServiceChange): string[] {
  const extra = [secretsChanged ? 'secrets' : '', schemaChanged ? 'schema' : ''].filter(Boolean).join(', ');
  return [
    `${clean(service)} in ${clean(env)}${kind === 'changed' ? '' : ` (${kind})`}${extra === '' ? '' : `: ${extra} changed`}`,
    ...settings.map(
      ({ pointer, from, to, apply }) =>
        `  ${clean(pointer)}: ${showValue(from)} → ${showValue(to)}${apply === 'restart' ? ' (needs a restart)' : ''}`,
    ),
  ];
}

function conflictText({ file, pointer, base, ours, theirs }: Conflict): string {
  return `conflict ${clean(file)} ${clean(pointer)}: was ${showValue(base)}, wanted ${showValue(ours)}, is ${showValue(theirs)}`;
}

function problemText({ env, service, pointer, message, code }: SettingProblem): string {
  const place = [service, env].filter((one) => one !== undefined).join(' in ');
  return `problem ${clean(`${place} ${pointer}`.trim())}: ${clean(message)} (${clean(code)})`;
}

/** "1 setting differs", "3 settings differ". */
export const differText = (number: number): string =>
  `${count(number, 'setting')} ${number === 1 ? 'differs' : 'differ'}`;
