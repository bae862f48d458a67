/** Findings as people, and as GitHub's annotations, read them. */
import type { Finding } from '../core/finding.ts';
import { clean } from './output.ts';
import type { Style } from './style.ts';

/** Grouped by file: `file:line  pointer  message`, and below it what to do. */
export function formatFindings(findings: readonly Finding[], style: Style): string[] {
  const lines: string[] = [];
  let file: string | null = null;
  for (const finding of findings) {
    if (file !== null && file !== finding.file) lines.push('');
    file = finding.file;
    const place = `${finding.file}${finding.line === undefined ? '' : `:${finding.line}`}`;
    const env = finding.env === undefined ? '' : ` (in ${finding.env})`;
    const mark = finding.severity === 'error' ? style.red('error') : style.yellow('warning');
    const parts = [
      style.bold(clean(place)),
      clean(finding.pointer),
      `${mark} ${clean(finding.message)}${clean(env)}`,
    ];
    lines.push(
      parts.filter((part) => part !== '').join('  '),
      `    ${clean(finding.hint)} ${style.dim(finding.code)}`,
    );
  }
  return findings.length === 0 ? [] : [...lines, ''];
}

/** GitHub workflow commands: one annotation per finding, at its line. */
export function formatForGithub(findings: readonly Finding[]): string {
  return findings
    .map(({ severity, file, line, code, pointer, message, hint }) => {
      const properties = {
        file,
        ...(line === undefined ? {} : { line: String(line) }),
        title: `${code} ${pointer}`.trim(),
      };
      const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`);
      return `::${severity} ${list.join(',')}::${escapeData(`${message}\n${hint}`)}`;
    })
    .join('\n');
}

/** Without this a message could end its own command and begin another. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
