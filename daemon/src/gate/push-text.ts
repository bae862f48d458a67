/**
 * What a pusher reads. git puts "remote: " in front of every line; terminals obey control characters, and some of the text comes
 * from files of the push, so those are taken out and everything has a bound.
 */
import type { PushProblem } from './push-problem.ts';

const maxProblems = 20;
const maxWarnings = 5;
const maxLineLength = 300;

/** Refusal: what, where, why and what to do, then the way on. */
export function refusalText(problems: readonly PushProblem[], requestId: string | null): string[] {
  const shown = problems.slice(0, maxProblems);
  const more = problems.length - shown.length;
  return [
    'headwater: this push was refused. Nothing has changed.',
    '',
    ...shown.flatMap((problem) => [...describe(problem), '']),
    ...(more > 0 ? [`and ${more} more; \`headwater validate\` lists those in files.`, ''] : []),
    ...(requestId === null ? [] : [`(request ${requestId})`]),
  ].map(clean);
}

/** For a push that comes in: what is odd about it all the same. */
export function warningText(warnings: readonly PushProblem[]): string[] {
  if (warnings.length === 0) return [];
  const more = warnings.length - maxWarnings;
  return [
    `headwater: taken, with ${warnings.length === 1 ? 'a warning' : 'warnings'}:`,
    '',
    ...warnings.slice(0, maxWarnings).flatMap(describe),
    ...(more > 0 ? [`and ${more} more; \`headwater validate\` lists them.`] : []),
    '',
  ].map(clean);
}

function describe({ place, line, pointer, envs, message, hint, code }: PushProblem): string[] {
  const where = [`${place}${line === undefined ? '' : `:${line}`}`, pointer ?? '', inEnvironments(envs)];
  return [
    `  ${where.filter((part) => part !== '').join('  ')}`,
    `    ${message}`,
    `    → ${hint}  [${code}]`,
  ];
}

function inEnvironments(envs: readonly string[]): string {
  const names = [...new Set(envs)];
  if (names.length === 0) return '';
  return names.length > 4
    ? `(${names.slice(0, 3).join(', ')} and ${names.length - 3} more)`
    : `(${names.join(', ')})`;
}

function clean(line: string): string {
  const plain = line.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  return plain.length > maxLineLength ? `${plain.slice(0, maxLineLength)}…` : plain;
}
