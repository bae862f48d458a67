import { afterAll, beforeAll } from 'vitest';
import { type Mosquitto, startMosquitto } from '../../testing/mosquitto.ts';
import { publisherContract } from '../../testing/publisher.contract.ts';
import { createMqttPublisher } from './mqtt-publisher.ts';

let mosquitto: Mosquitto;
beforeAll(async () => {
  mosquitto = await startMosquitto();
});
afterAll(() => mosquitto.stop());

publisherContract(
  'Mosquitto',
  async () => {
    await mosquitto.restart();
    const publisher = createMqttPublisher({
      url: mosquitto.url,
      clientId: 'headwater-daemon-1',
      will: { topic: 't/daemons/1/health', payload: Buffer.from('{"ok":false}') },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    return { publisher, restartBroker: () => mosquitto.restart(), close: async () => undefined };
  },
  { restarts: true },
);
