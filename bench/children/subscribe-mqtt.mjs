// Subscribes to one topic with mqtt.js and says when each message arrived.
import { now } from '../support/clock.mjs';
import { connectMqtt } from '../support/mqtt.mjs';

const { port, topic } = JSON.parse(process.argv[2]);
const client = await connectMqtt(port, { clientId: 'subscriber' });
client.on('message', (_topic, payload) => {
  const at = now();
  process.send({ type: 'arrived', id: payload.readUInt32BE(0), at: String(at) });
});
await client.subscribeAsync(topic, { qos: 0 });
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready' });
