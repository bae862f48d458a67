import type { Readable } from 'node:stream';

export interface CgiHead {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** First bytes of the body, read along. */
  readonly rest: Buffer;
}

const maxHeadBytes = 16 * 1024;

/** Reads the header lines that a CGI program prints first. Leaves the stream paused. Rejects when it ends or says too much before. */
export function readCgiHead(stream: Readable): Promise<CgiHead> {
  return new Promise((resolve, reject) => {
    let read: Buffer = Buffer.alloc(0);
    const settle = (done: () => void) => {
      stream.pause();
      stream.off('data', onData).off('end', onEnd).off('error', onEnd);
      done();
    };
    const onEnd = () => settle(() => reject(new Error('it ended without an answer')));
    const onData = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      const end = /\r?\n\r?\n/.exec(read.toString('latin1', 0, maxHeadBytes));
      if (end !== null) {
        const text = read.toString('latin1', 0, end.index);
        const rest = read.subarray(end.index + end[0].length);
        settle(() => resolve({ ...parseHead(text), rest }));
      } else if (read.length > maxHeadBytes) {
        settle(() => reject(new Error('its header has no end')));
      }
    };
    stream.on('data', onData).once('end', onEnd).once('error', onEnd);
  });
}

function parseHead(text: string): Omit<CgiHead, 'rest'> {
  const pairs = text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]];
  });
  const { status = '200', ...headers } = Object.fromEntries(pairs);
  const code = Number(/^\d{3}/.exec(status)?.[0] ?? 500);
  return { status: code, headers };
}
