/** Fields that belong to the line itself. */
const ownFields: ReadonlySet<string> = new Set(['time', 'level', 'msg', 'err', 'hint', 'code', 'message']);

/**
 * One log line for a person: time, `WARN` or `ERROR` where it matters, the message, the fields; an error's message and hint
 * follow on lines of their own. Control characters are escaped, so data can neither forge a line nor steer the terminal.
 */
export function formatLogText(line: Readonly<Record<string, unknown>>): string {
  const { time, level, msg, err } = line;
  const error = typeof err === 'object' && err !== null ? (err as Readonly<Record<string, unknown>>) : {};
  const code = line.code ?? error.code;
  const parts = [
    new Date(String(time)).toTimeString().slice(0, 8),
    ...(level === 'warn' || level === 'error' || level === 'fatal'
      ? [String(level).toUpperCase().padEnd(5)]
      : []),
    printable(String(msg ?? '')),
    ...(typeof code === 'string' ? [`(${printable(code)})`] : []),
    ...Object.entries(line)
      .filter(([name, value]) => !ownFields.has(name) && value !== null)
      .map(([name, value]) => `${printable(name)}=${formatValue(value)}`),
  ];
  return [
    parts.join(' '),
    ...followUps(line.message ?? error.message),
    ...followUps(error.cause, 'because '),
    ...followUps(line.hint ?? error.hint, '→ '),
    ...stackLines(error.stack),
  ].join('\n');
}

const indent = ' '.repeat(9);

function followUps(text: unknown, mark = ''): string[] {
  return typeof text === 'string' && text !== '' ? [`${indent}${mark}${printable(text)}`] : [];
}

/** Only where the error was thrown; the whole stack is in the JSON form. */
function stackLines(stack: unknown): string[] {
  if (typeof stack !== 'string') return [];
  const frames = stack.split('\n').filter((frame) => /^\s+at /.test(frame));
  return frames.slice(0, 3).map((frame) => `${indent}${printable(frame.trim())}`);
}

function formatValue(value: unknown): string {
  if (typeof value !== 'string') return printable(JSON.stringify(value));
  return /^[\w.:/@#+*-]+$/.test(value) ? value : `"${printable(value)}"`;
}

const printable = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (char) => `\\u${char.codePointAt(0)?.toString(16).padStart(4, '0')}`,
  );
