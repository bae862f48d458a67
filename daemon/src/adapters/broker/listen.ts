import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { HeadwaterError } from '@headwater/schemas/protocol';

export interface ListenAddress {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

/**
 * Opens a TCP port whose sockets send small packets at once: with Nagle's algorithm a burst of three messages waits 40 ms.
 * @throws HeadwaterError `HW_PORT_TAKEN` when something else listens there, `HW_LISTEN_FAILED` when the system refuses.
 */
export async function listen(
  address: ListenAddress,
  maxConnections: number,
  onSocket: (socket: Socket) => void,
): Promise<{ readonly server: Server; readonly address: ListenAddress }> {
  const server = createServer({ noDelay: true }, onSocket);
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(explain(error, address)));
    server.listen({ host: address.host, port: address.port }, resolve);
  });
  return { server, address: { host: address.host, port: (server.address() as AddressInfo).port } };
}

function explain(error: NodeJS.ErrnoException, { host, port }: ListenAddress): HeadwaterError {
  const details = { host, port, system: error.code };
  if (error.code === 'EADDRINUSE') {
    return new HeadwaterError('HW_PORT_TAKEN', {
      message: `another program listens on ${host}:${port} already`,
      hint: 'Stop it, or choose another address with --mqtt HOST:PORT (port 0 = any free one).',
      details,
      cause: error,
    });
  }
  return new HeadwaterError('HW_LISTEN_FAILED', {
    message: `cannot listen on ${host}:${port}: ${error.code ?? error.message}`,
    hint:
      error.code === 'EACCES'
        ? 'Ports below 1024 need a privilege; choose a higher one with --mqtt HOST:PORT.'
        : 'Choose an address of this machine with --mqtt HOST:PORT.',
    details,
    cause: error,
  });
}
