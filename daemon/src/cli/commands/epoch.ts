import type {
  AcceptedRewrite,
  EnvironmentRewrite,
  LostCommit,
  RewritePreview,
  ServiceNames,
} from '@headwater/schemas/http';
import { describeEpoch, HeadwaterError, isHeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { act, addCommand, addGroup, type Io } from '../command.ts';
import { addDaemonOptions, type DaemonApi, type DaemonOptions, openDaemon } from '../daemon-api.ts';
import { clean, columns, count } from '../output.ts';

interface AcceptOptions extends DaemonOptions {
  readonly yes?: boolean;
}

/** A repository of ten thousand services is judged anew for the answer. */
const timeoutMs = 120_000;

export function registerEpoch(program: Command): void {
  const group = addGroup(program, 'epoch', 'accept rewritten history');
  const command = addCommand(group, 'accept-rewrite', {
    summary: 'publish a branch that was rewritten, in a new era',
    description:
      'A branch that was force-pushed, reset or restored from an old backup is refused: what was published stays live. This shows\n' +
      'what accepting it would lose and change, asks, and then starts a new era: everything is published anew, and every\n' +
      'service follows. Needs the role admin. Exits with 1 when nothing was rewritten, or the answer is no.',
    examples: [
      'headwater epoch accept-rewrite --data .headwater/data',
      'headwater epoch accept-rewrite --yes   # without asking, as --json does',
    ],
  }).option('--yes', 'do not ask');
  addDaemonOptions(command);
  act<AcceptOptions>(command, async (io, options) => {
    const api = await openDaemon(options, io);
    const preview = await readPreview(io, api);
    if (preview === null) return false;
    if (!io.out.json && options.yes !== true && !(await isWanted(io, preview))) {
      io.out.note('Nothing was changed.');
      return false;
    }
    const accepting = api.send(
      'POST',
      '/api/v1/epoch/accept-rewrite',
      { tip: preview.tip.commit },
      { timeoutMs },
    );
    // Our own daemon wrote it; the token went to no one else.
    const accepted = (await io.out.progress('Starting the era', accepting))
      .body as unknown as AcceptedRewrite;
    io.out.result({ accepted: true, ...accepted, preview }, acceptedText(accepted));
    return true;
  });
}

/** `null` when there is nothing to accept; then that is said. */
async function readPreview(io: Io, api: DaemonApi): Promise<RewritePreview | null> {
  try {
    const asking = api.get('/api/v1/epoch/rewrite', { timeoutMs });
    return (await io.out.progress('Looking at the branch', asking)).body as unknown as RewritePreview;
  } catch (error) {
    if (!isHeadwaterError(error, 'HW_NO_REWRITE')) throw error;
    io.out.result({ accepted: false, reason: error.message }, clean(error.message));
    return null;
  }
}

async function isWanted(io: Io, preview: RewritePreview): Promise<boolean> {
  io.out.note(previewText(preview).join('\n'));
  const reply = await io.ask(`Accept it and start era ${preview.nextEra}? Type "yes": `);
  if (reply === null) {
    throw new HeadwaterError('HW_USAGE', {
      message: 'nobody is there to say yes',
      hint: 'Run it in a terminal, or give --yes once you know what would be lost.',
    });
  }
  return reply.trim().toLowerCase() === 'yes';
}

function previewText({ branch, tip, live, refused, lost, environments }: RewritePreview): string[] {
  return [
    `${clean(refused.message)}.`,
    ...(refused.hint === undefined ? [] : [clean(refused.hint)]),
    '',
    ...lostLines(lost),
    ...(environments.length === 0
      ? ['No service would change.']
      : [
          'Services that would change:',
          ...columns(environments.map(environmentRow)).map((row) => `  ${row}`),
        ]),
    '',
    `${clean(branch)}: ${live ? `${describeEpoch(live)} → ` : ''}${describeEpoch(tip)}`,
  ];
}

function lostLines({ total, commits }: RewritePreview['lost']): string[] {
  if (total === null)
    return ['What is live is not in the repository: nobody can say which commits would be lost.'];
  if (total === 0) return ['No commit would be lost.'];
  const rows = columns(commits.map(lostRow)).map((row) => `  ${row}`);
  const more = total - commits.length;
  return [
    `${count(total, 'commit')} that ${total === 1 ? 'is' : 'are'} live would not be part of the history any more:`,
    ...rows,
    ...(more > 0 ? [`  … ${more} more`] : []),
  ];
}

const lostRow = ({ commit, subject, author, time }: LostCommit): string[] => [
  clean(commit.slice(0, 7)),
  clean(time.slice(0, 10)),
  clean(author),
  clean(subject),
];

function environmentRow({ env, neverValid, added, changed, removed }: EnvironmentRewrite): string[] {
  const parts = [listed('changed', changed), listed('added', added), listed('removed', removed)].filter(
    Boolean,
  );
  return [clean(env), neverValid ? 'nothing in it is valid: what is live stays' : parts.join('; ')];
}

const maxShown = 8;

function listed(what: string, { total, names }: ServiceNames): string {
  if (total === 0) return '';
  const shown = names.slice(0, maxShown).map(clean).join(', ');
  const more = total - Math.min(names.length, maxShown);
  return `${what} ${shown}${more > 0 ? ` and ${more} more` : ''}`;
}

function acceptedText({ era, start, published }: AcceptedRewrite): string {
  const where =
    published.length === 0 ? 'Nothing is published yet' : `Published: ${published.map(clean).join(', ')}`;
  return `Era ${era} began at ${describeEpoch(start)}. ${where}.`;
}
