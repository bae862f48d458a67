/**
 * What a command says. The answer goes to stdout, as text for people or with `--json` as one JSON document (one line per event
 * while following). Everything else goes to stderr, and with `--json` nothing else is said there but errors.
 */
import type { CliContext } from './context.ts';
import { createStyle, type Style } from './style.ts';

export interface Output {
  readonly json: boolean;
  /** For text on stdout. */
  readonly style: Style;
  /** The one answer of a command. */
  result(document: unknown, text: string): void;
  /** One of many answers, as they come. */
  event(document: unknown, text: string): void;
  /** A remark beside the answer, for people only. */
  note(text: string): void;
  /** Says what is being waited for once that takes longer than a second. */
  progress<T>(label: string, work: Promise<T>): Promise<T>;
}

/** Shorter waits need no explanation. */
const progressAfterMs = 1000;

export function createOutput({ terminal, env }: CliContext, json: boolean): Output {
  const line = (text: string) => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
  return {
    json,
    style: createStyle(!json && terminal.stdoutIsTerminal, env),
    result: (document, text) => terminal.stdout(json ? `${JSON.stringify(document, null, 2)}\n` : line(text)),
    event: (document, text) => terminal.stdout(json ? `${JSON.stringify(document)}\n` : line(text)),
    note(text) {
      if (!json) terminal.stderr(line(text));
    },
    async progress(label, work) {
      if (json) return work;
      let shown = false;
      const timer = setTimeout(() => {
        shown = true;
        terminal.stderr(terminal.stderrIsTerminal ? `${label} …` : `${label} …\n`);
      }, progressAfterMs);
      try {
        return await work;
      } finally {
        clearTimeout(timer);
        // Clears the line again: the answer stands alone.
        if (shown && terminal.stderrIsTerminal) terminal.stderr('\r\u001b[2K');
      }
    },
  };
}

/**
 * Text from a repository, a broker or a daemon, made harmless for a terminal: control characters could move the cursor, change
 * colours or forge lines, and marks of writing direction could reorder what is read.
 */
export function clean(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A JSON value on one line, shortened when it is long, harmless for a terminal. */
export function showValue(value: unknown, maxLength = 120): string {
  if (value === undefined) return '—';
  const text = clean(JSON.stringify(value));
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}

/** Rows with their columns aligned, two spaces apart. Widths count characters, so colour goes on afterwards. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, [...cell].length);
    });
  }
  const pad = (cell: string, i: number) => cell + ' '.repeat((widths[i] ?? 0) - [...cell].length);
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
}

/** "1 file", "2 files". */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
