/**
 * Reads `.env` files. There is no standard, so this takes what every reader agrees on and refuses the rest by line: no
 * `$VARIABLE` is replaced and no command runs, because the result is committed and must be what stands in the file.
 */
import { HeadwaterError } from '@headwater/schemas/protocol';

export interface DotenvEntry {
  readonly name: string;
  readonly value: string;
  /** Line in the file, from 1. */
  readonly line: number;
  /** True for a value in quotes: it is meant as text, even when it looks like a number. */
  readonly quoted: boolean;
}

/**
 * Parses `NAME=value` lines: comments, `export`, single quotes (literal) and double quotes (`\n`, `\r`, `\t`, `\"`, `\\`, `\$`),
 * both over several lines. Entries come in file order.
 * @throws HeadwaterError `HW_USAGE` naming the line; it never shows a value.
 */
export function parseDotenv(text: string): readonly DotenvEntry[] {
  const entries: DotenvEntry[] = [];
  const firstLine = new Map<string, number>();
  const reader: Reader = { text: text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'), at: 0, line: 1 };
  while (reader.at < reader.text.length) {
    const entry = readLine(reader);
    if (entry === null) continue;
    const earlier = firstLine.get(entry.name);
    if (earlier !== undefined) refuse(entry.line, `${entry.name} is already set on line ${earlier}`);
    firstLine.set(entry.name, entry.line);
    entries.push(entry);
  }
  return entries;
}

interface Reader {
  readonly text: string;
  at: number;
  line: number;
}

function readLine(reader: Reader): DotenvEntry | null {
  const { line } = reader;
  const start = take(reader, /[ \t]*/y);
  if (take(reader, /(?:#[^\n]*)?(?:\n|$)/y, true) !== null) return null;
  const head = take(reader, /(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*/y, true);
  if (head === null || start === null) return refuse(line, 'expected NAME=value');
  const name = /([A-Za-z0-9_]+)[ \t]*=/.exec(head)?.[1] as string;
  const quote = reader.text[reader.at];
  if (quote === '"' || quote === "'" || quote === '`')
    return { name, value: readQuoted(reader, quote, line), line, quoted: true };
  const raw = take(reader, /[^\n]*\n?/y) ?? '';
  // Some readers take "=#" as a comment and some as text.
  if (head.endsWith('=') && raw.startsWith('#'))
    return refuse(line, 'a value that begins with # needs quotes');
  // A "#" begins a comment only after a space: colours and URLs hold one too.
  return { name, value: raw.replace(/(?:^|[ \t])#.*/s, '').trim(), line, quoted: false };
}

function readQuoted(reader: Reader, quote: string, line: number): string {
  const body = take(reader, bodyOf[quote as keyof typeof bodyOf], true);
  if (body === null) return refuse(line, `the quote ${quote} is never closed`);
  if (take(reader, /[ \t]*(?:#[^\n]*)?(?:\n|$)/y, true) === null)
    return refuse(line, 'there is text after the closing quote');
  const inner = body.slice(1, -1);
  return quote === '"' ? inner.replace(/\\([nrt"\\$])/g, (_, char: string) => escapes[char] ?? char) : inner;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const bodyOf = { '"': /"(?:[^"\\]|\\[\s\S])*"/y, "'": /'[^']*'/y, '`': /`[^`]*`/y } as const;

/** Takes what `pattern` matches here. With `orNull` no match takes nothing and gives `null`. */
function take(reader: Reader, pattern: RegExp, orNull = false): string | null {
  pattern.lastIndex = reader.at;
  const match = pattern.exec(reader.text);
  if (match === null) return orNull ? null : '';
  reader.at += match[0].length;
  reader.line += match[0].split('\n').length - 1;
  return match[0];
}

function refuse(line: number, reason: string): never {
  throw new HeadwaterError('HW_USAGE', {
    message: `line ${line} of the .env file cannot be read: ${reason}`,
    hint: 'Write one NAME=value per line; quote values with spaces at their ends or several lines.',
    details: { line },
  });
}
