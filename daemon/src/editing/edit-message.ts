import { HeadwaterError } from '@headwater/schemas/protocol';
import type { EditRequest, Trailer } from './edit.ts';

/**
 * Message of the commit. Trailers are a paragraph of their own at the end, the only place where they are read: whatever stands in the
 * author's text is text.
 * @param approval Known only when the tree is made.
 * @throws HeadwaterError `HW_REQUEST_INVALID` for a trailer of another form.
 */
export function editMessage(
  { message, requestId, trailers = [] }: EditRequest,
  approval: readonly Trailer[] = [],
): string {
  const all: Trailer[] = [...trailers, ['Headwater-Request-Id', requestId], ...approval];
  for (const [key, value] of all) {
    if (/^[A-Za-z][A-Za-z0-9-]*$/.test(key) && /^[^\p{Cc}]+$/u.test(value)) continue;
    throw new HeadwaterError('HW_REQUEST_INVALID', {
      message: `${JSON.stringify(key.slice(0, 80))} is no trailer of one line`,
      hint: 'A trailer is a name and a text without line ends.',
    });
  }
  return `${plain(message) || 'Change config'}\n\n${all.map(([key, value]) => `${key}: ${value}`).join('\n')}\n`;
}

/** Text as people typed it, without what only machines read. */
function plain(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .trim();
}
