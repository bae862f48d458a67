import { HeadwaterError } from '@headwater/schemas/protocol';

/** Everything that comes in, to its end. @throws HeadwaterError `HW_USAGE` above `maxBytes`. */
export async function readAll(
  input: AsyncIterable<Uint8Array | string>,
  maxBytes: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) {
      throw new HeadwaterError('HW_USAGE', {
        message: `what is piped into the command is larger than ${Math.round(maxBytes / 1024)} KiB`,
        hint: 'Is this the right file?',
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
