import type { AddressInfo, Server } from 'node:net';
import { HeadwaterError } from '@headwater/schemas/protocol';

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
  /** `http://127.0.0.1:7070`, also valid for IPv6; for "any address" the loopback one, so that it can be opened. */
  readonly url: string;
}

/** The part of Fastify's instance that is needed. */
export interface HttpServer {
  readonly server: Server;
  listen(options: {
    host: string;
    port: number;
    listenTextResolver(address: string): string;
  }): Promise<unknown>;
}

/**
 * Opens the HTTP port; port 0 takes any free one.
 * @throws HeadwaterError `HW_PORT_TAKEN` when something else listens there, `HW_LISTEN_FAILED` when the system refuses.
 */
export async function listen(server: HttpServer, host: string, port: number): Promise<HttpAddress> {
  try {
    await server.listen({ host, port, listenTextResolver: () => 'HTTP API listens' });
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, host, port);
  }
  const actual = server.server.address() as AddressInfo;
  return { host, port: actual.port, url: `http://${reachable(host)}:${actual.port}` };
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): HeadwaterError {
  const details = { host, port, system: error.code };
  if (error.code === 'EADDRINUSE') {
    return new HeadwaterError('HW_PORT_TAKEN', {
      message: `another program listens on ${host}:${port} already`,
      hint: 'Stop it, or choose another address with --http HOST:PORT (port 0 = any free one).',
      details,
      cause: error,
    });
  }
  const hints: Readonly<Record<string, string>> = {
    EACCES: 'Ports below 1024 need a privilege; choose a higher one with --http HOST:PORT.',
    EADDRNOTAVAIL: 'This machine has no such address; choose one of its own with --http HOST:PORT.',
    ENOTFOUND: 'This host name is unknown here; choose an address of this machine with --http HOST:PORT.',
  };
  return new HeadwaterError('HW_LISTEN_FAILED', {
    message: `cannot listen on ${host}:${port}: ${error.code ?? error.message}`,
    hint: hints[error.code ?? ''] ?? 'Choose an address of this machine with --http HOST:PORT.',
    details,
    cause: error,
  });
}
