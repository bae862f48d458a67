// Preloaded into a following service to note when bytes arrive and when their signature is verified.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { mark } from '../support/marks.mjs';

const require = createRequire(import.meta.url);
const net = require('node:net');
const { connect } = net;
net.connect = (...given) => {
  const socket = connect(...given);
  socket.on('data', () => mark('bytes'));
  return socket;
};
syncBuiltinESMExports();
for (const [path, name] of [
  ['node', 'nodeCrypto'],
  ['noble', 'nobleCrypto'],
]) {
  const backend = (await import(`@headwater/schemas/protocol/${path}`))[name];
  const { verify } = backend;
  backend.verify = (...given) => {
    mark('verify');
    const result = verify(...given);
    mark('verified');
    return result;
  };
}
