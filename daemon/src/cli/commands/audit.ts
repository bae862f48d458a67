import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Command } from 'commander';
import { openAuditSnapshot } from '../../adapters/data/audit-reader.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { csvHeader, csvLine } from '../../core/audit/audit-csv.ts';
import { type ChainHead, parseAuditLine } from '../../core/audit/audit-line.ts';
import { verifyAudit } from '../../core/audit/verify-audit.ts';
import { act, addCommand, addGroup } from '../command.ts';
import { addDataOption, openDataOf } from '../data-folder.ts';
import { parseMoment } from '../duration.ts';
import { clean, count } from '../output.ts';

export function registerAudit(program: Command): void {
  const group = addGroup(program, 'audit', 'check and print who did what');
  registerVerify(group);
  registerExport(group);
}

interface VerifyOptions {
  readonly data?: string;
  readonly known?: readonly ChainHead[];
}

function registerVerify(group: Command): void {
  const verify = addDataOption(
    addCommand(group, 'verify', {
      summary: 'say whether the audit log is what was written',
      description:
        'Follows the chain of the audit log: every line carries the SHA-256 of the one before, so a line that was changed, removed\n' +
        'or moved is named. What it cannot tell alone: whether somebody with access to the data folder wrote a whole new log. Keep\n' +
        'the head that it prints elsewhere now and then, and give it back with --known.',
      examples: [
        'headwater audit verify --data /var/lib/headwater',
        'headwater audit verify --data /var/lib/headwater --known 4711:9f3c…   # the log still has that entry',
      ],
    }),
  ).option(
    '--known <n:hash>',
    'an entry that was the head once (repeatable)',
    (text: string, all: readonly ChainHead[] = []) => [...all, parseKnown(text)],
  );
  act<VerifyOptions>(verify, async (io, options) => {
    const log = await openAuditSnapshot(await openDataOf(io, options));
    const verdict = await verifyAudit(log.lines(), { anchor: log.anchor, known: options.known ?? [] });
    const { deployment, entries, head, findings } = verdict;
    const ok = findings.length === 0;
    const summary = `${count(entries, 'entry', 'entries')} of ${deployment ?? 'nobody'}`;
    io.out.result(
      { ok, ...verdict },
      [
        ...findings.map(
          ({ file, line, message }) => `${file}:${line === 0 ? 'end' : line}: ${clean(message)}`,
        ),
        ok ? `${summary}, every one as it was written` : `${summary}; ${count(findings.length, 'fault')}`,
        `head ${head.n}:${head.hash ?? '-'}`,
      ].join('\n'),
    );
    return ok;
  });
}

interface ExportOptions {
  readonly data?: string;
  readonly since?: string;
  readonly until?: string;
  readonly format: string;
}

function registerExport(group: Command): void {
  const command = addDataOption(
    addCommand(group, 'export', {
      summary: 'print entries of the audit log',
      description:
        'Prints the entries of a time, oldest first. No secret value was ever written to the log, and nothing that lets one be guessed.\n' +
        'With --format jsonl the lines are those of the log, byte for byte.',
      examples: [
        'headwater audit export --since 7d --data /var/lib/headwater',
        'headwater audit export --since 2026-10-01 --until 2026-11-01 --format csv > october.csv',
      ],
    }),
  )
    .option('--since <time>', 'a date, a time (RFC 3339), or how long ago: 12h, 7d')
    .option('--until <time>', 'likewise; what is later is left out')
    .option('--format <format>', 'jsonl or csv', 'jsonl');
  act<ExportOptions>(command, async (io, { since, until, format, ...options }) => {
    if (format !== 'jsonl' && format !== 'csv') {
      throw new HeadwaterError('HW_USAGE', {
        message: `--format: ${JSON.stringify(format)} is neither jsonl nor csv`,
        hint: 'Choose one of them.',
      });
    }
    const now = systemClock.now();
    const from = since === undefined ? Number.NEGATIVE_INFINITY : parseMoment(since, '--since', now);
    const to = until === undefined ? Number.POSITIVE_INFINITY : parseMoment(until, '--until', now);
    const log = await openAuditSnapshot(await openDataOf(io, options));
    let unreadable = 0;
    if (format === 'csv') io.terminal.stdout(csvHeader);
    for await (const { text, torn } of log.lines()) {
      const line = torn ? null : parseAuditLine(text);
      if (line === null) {
        unreadable += 1;
        continue;
      }
      const at = Date.parse(line.at);
      if (at < from || at >= to) continue;
      io.terminal.stdout(format === 'csv' ? csvLine(line) : `${text}\n`);
    }
    if (unreadable === 0) return true;
    io.out.note(`${count(unreadable, 'line')} could not be read: see headwater audit verify`);
    return false;
  });
}

function parseKnown(text: string): ChainHead {
  const [, n, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (n !== undefined && hash !== undefined) return { n: Number(n), hash };
  throw new HeadwaterError('HW_USAGE', {
    message: `--known: ${JSON.stringify(text.slice(0, 100))} is no entry`,
    hint: 'Give what `headwater audit verify` printed as head: number, colon, 64 hex digits.',
  });
}
