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
  /** Resolves once some client is, or is not, subscribed to a topic. */
  whenSubscribed(topic: string, isSubscribed: boolean): Promise<void>;
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
  const subscribed = new Set<string>();
  const waiting = new Set<() => void>();
  const tell = () => {
    for (const check of [...waiting]) check();
  };
  aedes.on('subscribe', (list) => {
    for (const { topic } of list) subscribed.add(topic);
    tell();
  });
  aedes.on('unsubscribe', (list) => {
    for (const topic of list) subscribed.delete(topic);
    tell();
  });
  return {
    url: `mqtt://127.0.0.1:${actual}`,
    port: actual,
    aedes,
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
    whenSubscribed(topic, isSubscribed) {
      return new Promise((resolve) => {
        const check = () => {
          if (subscribed.has(topic) !== isSubscribed) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
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
