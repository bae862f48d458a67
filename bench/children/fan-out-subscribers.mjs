// Many lean subscribers of one topic. Says when the last of them has the whole message.
import { now } from '../support/clock.mjs';
import { publishLength, subscribeLean } from '../support/lean-mqtt.mjs';

const { port, count, first, username, topic, bytes } = JSON.parse(process.argv[2]);
const length = publishLength(topic, bytes);
let missing = count * length;
const clientPrefix = username.replace('/', '.');
const onBytes = (received) => {
  missing -= received;
  if (missing > 0) return;
  const at = now();
  missing = count * length;
  process.send({ type: 'all', at: String(at) });
};
for (let i = 0; i < count; i += 50) {
  const batch = Array.from({ length: Math.min(50, count - i) }, (_, k) =>
    subscribeLean({
      port,
      clientId: `${clientPrefix}.n${first + i + k}`,
      username,
      topics: [topic],
      onBytes,
    }),
  );
  await Promise.all(batch);
}
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready' });
