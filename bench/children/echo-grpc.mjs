// Answers Put and Watch from memory, storing nothing: what the etcd client used here costs by itself.
import { createServer } from 'node:http2';

const watchers = new Set();
const server = createServer({ noDelay: true });
server.on('stream', (stream, headers) => {
  stream.on('error', () => watchers.delete(stream));
  if (headers[':path'] === '/etcdserverpb.Watch/Watch') {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    watchers.add(stream);
    stream.once('data', () => stream.write(framed(Buffer.from([3 << 3, 1]))));
    stream.on('close', () => watchers.delete(stream));
    return;
  }
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('end', () => {
    const request = Buffer.concat(chunks).subarray(5);
    const keyEnd = 2 + request[1]; // the key is shorter than 128 bytes
    // KeyValue.value is field 5; in PutRequest it is field 2, at the end.
    const pair = Buffer.concat([Buffer.from([(5 << 3) | 2]), request.subarray(keyEnd + 1)]);
    for (const watcher of watchers) watcher.write(framed(field(11, field(2, pair))));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end();
  });
});
server.listen(0, '127.0.0.1', () => process.send({ type: 'ready', port: server.address().port }));
process.on('disconnect', () => process.exit(0));

function field(number, bytes) {
  const length = [];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), bytes]);
}

function framed(message) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
