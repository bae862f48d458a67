import { expect, test } from 'vitest';
import { publisherContract } from '../../testing/publisher.contract.ts';
import { createEmbeddedBroker } from './embedded-broker.ts';
import { createEmbeddedPublisher } from './embedded-publisher.ts';

const start = () =>
  createEmbeddedBroker({
    listen: { host: '127.0.0.1', port: 0 },
    prefix: 't',
    authenticator: { authenticate: async () => null },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });

publisherContract(
  'The embedded broker',
  async () => {
    const broker = await start();
    return {
      publisher: createEmbeddedPublisher(broker),
      restartBroker: () => Promise.reject(new Error('it lives and dies with the daemon')),
      close: () => broker.close(),
    };
  },
  { restarts: false },
);

test('services are told the address they can reach when it is not the one that is listened on', async () => {
  const broker = await start();
  expect(createEmbeddedPublisher(broker).url).toBe(`mqtt://127.0.0.1:${broker.address.port}`);
  expect(createEmbeddedPublisher(broker, { url: 'mqtt://config.example:7071' }).url).toBe(
    'mqtt://config.example:7071',
  );
  await broker.close();
});
