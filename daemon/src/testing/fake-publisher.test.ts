import { createFakePublisher } from './fake-publisher.ts';
import { publisherContract } from './publisher.contract.ts';

publisherContract(
  'The fake',
  async () => {
    const publisher = createFakePublisher();
    return {
      publisher,
      async restartBroker() {
        publisher.disconnect();
        publisher.reconnect({ empty: true });
      },
      async close() {},
    };
  },
  { restarts: true },
);
