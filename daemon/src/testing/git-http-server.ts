/** A git host on this machine, over HTTP, with native `git http-backend` behind it and faults in front of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export type HostFault =
  /** Answers this and nothing of git. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Answers late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Cuts the connection after so many bytes of the answer's body; a shorter answer goes out whole. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Ends the answer properly after so many bytes, as a careless proxy does. */
  | { readonly kind: 'shorten'; readonly afterBytes: number }
  /** Takes the request, does nothing with it, and cuts the connection. */
  | { readonly kind: 'swallow' }
  /** Does what was asked, and cuts the connection before it says so. */
  | { readonly kind: 'lose-answer' };

export interface HostRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** Size of git's answer, before any fault; 0 until it is there. */
  answerBytes: number;
}

export interface GitHttpServer {
  /** `http://127.0.0.1:<port>`; repositories lie below it as they do below the folder. */
  readonly url: string;
  readonly requests: HostRequest[];
  /** Asked for every request. */
  fault: (request: HostRequest) => HostFault | null;
  /** When set, every request must carry it: the value of `Authorization`. */
  authorization: string | null;
  /** `old`: a host that knows the first version of the protocol only. */
  protocol: 'new' | 'old';
  /** As if the host was switched off: connections are refused. */
  stop(): Promise<void>;
  /** On again, at the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** @param root Folder with bare repositories; those with `http.receivepack = true` can be pushed to. */
export async function startGitHttpServer(root: string): Promise<GitHttpServer> {
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  const start = async () => {
    server = createServer((request, response) => void answer(request, response));
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const seen: HostRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization,
      answerBytes: 0,
    };
    host.requests.push(seen);
    const fault = host.fault(seen);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      request.resume();
      response.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '');
      return;
    }
    if (host.authorization !== null && seen.authorization !== host.authorization) {
      request.resume();
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?');
      return;
    }
    if (fault?.kind === 'swallow') {
      request.resume();
      await once(request, 'end');
      request.socket.destroy();
      return;
    }
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const { status, headers, body } = await runBackend(root, request, host.protocol);
    seen.answerBytes = body.length;
    if (fault?.kind === 'lose-answer') {
      request.socket.destroy();
    } else if (fault?.kind === 'cut' && fault.afterBytes < body.length) {
      response.writeHead(status, { ...headers, 'content-length': String(body.length) });
      response.flushHeaders();
      if (fault.afterBytes > 0) response.write(body.subarray(0, fault.afterBytes));
      // What was written goes out first.
      request.socket.destroySoon();
    } else {
      response.writeHead(status, headers);
      response.end(fault?.kind === 'shorten' ? body.subarray(0, fault.afterBytes) : body);
    }
  };

  const host: GitHttpServer = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    requests: [],
    fault: () => null,
    authorization: null,
    protocol: 'new',
    start,
    stop,
    close: stop,
  };
  await start();
  return host;
}

async function runBackend(
  root: string,
  request: IncomingMessage,
  protocol: GitHttpServer['protocol'],
): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
  const url = new URL(request.url ?? '/', 'http://host');
  const text = (name: string) => String(request.headers[name] ?? '');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: text('content-type'),
      HTTP_CONTENT_ENCODING: text('content-encoding'),
      GIT_PROTOCOL: protocol === 'old' ? '' : text('git-protocol'),
      REMOTE_USER: 'tess',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => {}); // it answers without having read everything: that is its right
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  const output = Buffer.concat(chunks);
  const end = output.indexOf('\r\n\r\n');
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of output.toString('latin1', 0, Math.max(end, 0)).split('\r\n')) {
    const [name = '', value = ''] = line.split(/: (.*)/s);
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else if (name !== '') headers[name] = value;
  }
  return { status, headers, body: output.subarray(end + 4) };
}
