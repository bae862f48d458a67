/**
 * Why a host did not take the one ref of a push, in its own words, from what `git push --porcelain` printed; `null` when it never
 * said: the conversation ended before.
 */
export function parsePushReport(stdout: string, stderr: string): string | null {
  const line = stdout.split('\n').find((one) => one.startsWith('!\t'));
  const [, kind, reason = ''] = /\t\[(rejected|remote rejected)\](?: \((.*)\))?/.exec(line ?? '') ?? [];
  if (kind === undefined) return null;
  const words = stderr
    .split(/[\r\n]+/)
    .filter((one) => one.startsWith('remote: '))
    .map((one) => one.slice('remote: '.length).trim());
  return [reason, ...words].filter((one) => one !== '').join('; ');
}
