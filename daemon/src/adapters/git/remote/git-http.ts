/** HTTP for isomorphic-git: one host only, no redirects, nothing endless, and no answer that is only half there. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git';
import { type Credential, withoutSecrets } from './credential.ts';
import { remoteFailure } from './remote-failure.ts';
import { shallowHost } from './shallow-host.ts';

export interface GitHttpOptions {
  readonly url: string;
  /** Asked before every request. */
  readonly credential: () => Promise<Credential | null>;
  /** Certificates (PEM) that count in place of the system's. */
  readonly ca?: string;
  /** Given up after this time without a byte, milliseconds. */
  readonly silenceMs: number;
  /** The library holds a whole answer in memory; a larger one is refused. */
  readonly maxAnswerBytes: number;
  readonly signal: AbortSignal;
}

export function createGitHttp(options: GitHttpOptions): HttpClient {
  const { origin } = new URL(options.url);
  return {
    async request({ url, method = 'GET', headers = {}, body }: GitHttpRequest): Promise<GitHttpResponse> {
      if (new URL(url).origin !== origin) throw new Error('a request left the host of the repository');
      const credential = await options.credential();
      const authorization = credential === null ? {} : { authorization: credential.authorization };
      const sent = body === undefined ? null : Buffer.concat(await gather(body));
      const failed = (said: string, more: object = {}) =>
        remoteFailure({ url: options.url, said: withoutSecrets(said, credential), ...more });

      const { response, content } = await new Promise<{ response: IncomingMessage; content: Buffer }>(
        (resolve, reject) => {
          const start = url.startsWith('https:') ? requestHttps : requestHttp;
          const request = start(url, {
            method,
            headers: { ...headers, ...authorization, ...(sent ? { 'content-length': sent.length } : {}) },
            timeout: options.silenceMs,
            signal: options.signal,
            ...(options.ca === undefined ? {} : { ca: options.ca }),
          });
          request.on('timeout', () => request.destroy(failed('timed out', { timedOut: true })));
          request.on('error', (error) => reject(asFailure(error, failed)));
          request.on('response', (response) => {
            const chunks: Buffer[] = [];
            let size = 0;
            response.on('data', (chunk: Buffer) => {
              size += chunk.length;
              chunks.push(chunk);
              if (size > options.maxAnswerBytes)
                request.destroy(
                  failed(`the answer is larger than ${options.maxAnswerBytes} bytes: install git`),
                );
            });
            response.on('error', (error) => reject(asFailure(error, failed)));
            response.on('end', () => {
              if (response.complete) resolve({ response, content: Buffer.concat(chunks) });
              else reject(failed('premature end of the answer'));
            });
          });
          request.end(sent ?? undefined);
        },
      );

      const status = response.statusCode ?? 0;
      if (status !== 200) {
        const { location, 'retry-after': retryAfter } = response.headers;
        const more = { status, ...(location ? { location } : {}), ...(retryAfter ? { retryAfter } : {}) };
        throw failed(content.toString('utf8', 0, 1000), more);
      }
      if (!isWholePacketStream(content))
        throw failed(isGit(response) ? 'truncated answer' : 'answered with something else than git');
      if (/[0-9a-f]{4}shallow [0-9a-f]{40}/.test(content.toString('latin1', 0, maxListBytes)))
        throw shallowHost(options.url);
      return {
        url,
        method,
        statusCode: status,
        statusMessage: response.statusMessage ?? '',
        headers: response.headers as Record<string, string>,
        body: once(content),
      };
    },
  };
}

/** Where a host that is a shallow clone itself says so: at the end of its list of refs. */
const maxListBytes = 16 * 1024 * 1024;

const isGit = (response: IncomingMessage): boolean =>
  response.headers['content-type']?.startsWith('application/x-git-') ?? false;

function asFailure(error: Error, failed: (said: string) => Error): Error {
  if ('hint' in error) return error;
  return failed(`${(error as NodeJS.ErrnoException).code ?? ''} ${error.message}`);
}

async function gather(body: GitHttpRequest['body']): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return chunks;
}

async function* once(content: Uint8Array): AsyncIterableIterator<Uint8Array> {
  yield content;
}

/** Packets of git's protocol, each with its length in front, up to a last one that ends them: a cut anywhere shows. */
function isWholePacketStream(content: Buffer): boolean {
  let at = 0;
  let isEnd = false;
  while (at < content.length) {
    const digits = content.toString('latin1', at, at + 4);
    if (!/^[0-9a-f]{4}$/.test(digits)) return false;
    const length = Number.parseInt(digits, 16);
    isEnd = length === 0;
    if (length > 2 && length < 4) return false;
    at += Math.max(4, length);
  }
  return isEnd && at === content.length;
}
