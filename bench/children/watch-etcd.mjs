// Watches one key and says when each value arrived. Values begin with a number that tells them apart.
import { now } from '../support/clock.mjs';
import { openGrpc } from '../support/grpc.mjs';

const { url, key } = JSON.parse(process.argv[2]);
const grpc = openGrpc(url);
await grpc.watch(key, (value) => {
  const at = now();
  process.send({ type: 'arrived', id: value.readUInt32BE(0), at: String(at) });
});
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready' });
