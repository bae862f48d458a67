// A broker alone in its process, published to from inside as the daemon does: the embedded broker, or aedes as it comes.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { createEmbeddedBroker } from '../../daemon/dist/adapters/broker/embedded-broker.js';
import { now } from '../support/clock.mjs';

const { kind } = JSON.parse(process.argv[2]);
const broker = kind === 'embedded' ? await embedded() : await stock();
process.on('message', async ({ topic, bytes, count = 1 }) => {
  const payload = Buffer.alloc(bytes, 'x');
  const at = now();
  for (let i = 0; i < count; i++) await broker.publish(topic, payload);
  process.send({ type: 'published', at: String(at), connections: broker.connections() });
});
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready', port: broker.port });

async function embedded() {
  const log = { debug() {}, info() {}, warn() {}, error: console.error };
  const authenticator = {
    authenticate: async (username) => {
      const [env, service] = username.split('/');
      return { tokenId: 'bench', env, service };
    },
  };
  const listen = { host: '127.0.0.1', port: 0 };
  const made = await createEmbeddedBroker({ listen, prefix: 'headwater/bench', authenticator, log });
  return {
    port: made.address.port,
    publish: (topic, payload) => made.publish({ topic, payload, retain: false, qos: 1 }),
    connections: () => made.connectionCount,
  };
}

async function stock() {
  const aedes = await Aedes.createBroker();
  const server = createServer({ noDelay: true }, aedes.handle);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    publish: (topic, payload) =>
      new Promise((resolve, reject) => {
        aedes.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        );
      }),
    connections: () => aedes.connectedClients,
  };
}
