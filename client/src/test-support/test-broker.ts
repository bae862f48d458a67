/** A small real broker for the client's own tests. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';

export interface TestBroker extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Publishes retained unless told otherwise. */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options?: { readonly retain?: boolean },
  ): Promise<void>;
  /** Next message on a topic that `accepts` says yes to. */
  nextOn(topic: string, accepts?: (text: string) => boolean): Promise<string>;
  /** Cuts every connection, as a crash would. */
  cut(): void;
  /** Topics subscribed to, in order. */
  readonly subscriptions: readonly string[];
  readonly aedes: Aedes;
}

/** @param port Port to listen on; 0 for a free one. A second broker on the port of a stopped one has nothing retained. */
export async function startTestBroker(port = 0): Promise<TestBroker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<import('node:net').Socket>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const actual = (server.address() as AddressInfo).port;
  const subscriptions: string[] = [];
  aedes.on('subscribe', (list) => subscriptions.push(...list.map((one) => one.topic)));
  return {
    url: `mqtt://127.0.0.1:${actual}`,
    port: actual,
    aedes,
    subscriptions,
    publish(topic, payload, { retain = true } = {}) {
      return new Promise((resolve, reject) => {
        aedes.publish(
          { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain, dup: false },
          (error) => (error ? reject(error) : resolve()),
        );
      });
    },
    nextOn(topic, accepts = () => true) {
      return new Promise((resolve) => {
        const listener = (packet: { payload: Buffer | string }, done: () => void) => {
          const text = packet.payload.toString();
          if (accepts(text)) {
            aedes.unsubscribe(topic, listener, () => {});
            resolve(text);
          }
          done();
        };
        aedes.subscribe(topic, listener as never, () => {});
      });
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
