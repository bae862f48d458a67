/** Trailers of a commit message: lines "Key: value" of its last paragraph, as git reads them. */

/** Counts and ids are short; a last paragraph longer than this is no list of trailers. */
const maxTrailerText = 64 * 1024;

/** Values of a trailer, in order. Keys are compared without regard to case. */
export function trailersOf(message: string, key: string): string[] {
  const text = message.replaceAll('\r\n', '\n').trimEnd();
  const lastParagraph = text.split(/\n[ \t]*\n/).at(-1) ?? '';
  if (lastParagraph.length > maxTrailerText) return [];
  const prefix = `${key.toLowerCase()}:`;
  return lastParagraph
    .split('\n')
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}
