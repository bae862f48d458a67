import { readFile } from 'node:fs/promises';

/**
 * The settings of one git config file that stand on lines of their own: lower-case `section.key` (`section.sub.key`) -> last
 * value. Enough to recognise a repository; includes are not followed. A missing file is an empty map.
 */
export async function readGitConfig(file: string): Promise<ReadonlyMap<string, string>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
  return parseGitConfig(text);
}

export function parseGitConfig(text: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  let section = '';
  for (const raw of text.split('\n')) {
    const heading = /^\s*\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\](.*)$/.exec(raw);
    if (heading !== null) {
      section = heading[2] === undefined ? `${heading[1]}` : `${heading[1]}.${heading[2]}`;
    }
    const setting = /^\s*([A-Za-z][\w-]*)\s*(?:=\s*(.*?))?\s*$/.exec(stripComment(heading?.[3] ?? raw));
    if (setting === null) continue;
    // A key without "=" means true in git.
    settings.set(`${section}.${setting[1]}`.toLowerCase(), unquote(setting[2] ?? 'true'));
  }
  return settings;
}

function stripComment(line: string): string {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (c === '"' && line[i - 1] !== '\\') quoted = !quoted;
    else if (!quoted && (c === '#' || c === ';')) return line.slice(0, i);
  }
  return line;
}

function unquote(value: string): string {
  return value.replace(/\\(.)|"/g, (_, escaped: string | undefined) => escaped ?? '');
}
