// A subscriber that costs next to nothing: it speaks just enough MQTT 3.1.1 to subscribe, then counts bytes.
import { connect } from 'node:net';

/**
 * @param {{ port: number, clientId: string, username: string, topics: readonly string[], onBytes: (count: number) => void }} options
 * @returns {Promise<import('node:net').Socket>} once it is subscribed
 */
export function subscribeLean({ port, clientId, username, topics, onBytes }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let stage = 'connecting';
    socket.on('error', reject);
    socket.on('close', () => stage !== 'subscribed' && reject(new Error(`closed while ${stage}`)));
    socket.on('connect', () => socket.write(connectPacket(clientId, username)));
    // Acknowledgements are small and nothing is published yet: each comes in a chunk of its own.
    socket.on('data', (chunk) => {
      if (stage === 'subscribed') return onBytes(chunk.length);
      if (stage === 'connecting') {
        if (chunk[0] !== 0x20 || chunk[3] !== 0)
          return reject(new Error(`refused: ${chunk.toString('hex')}`));
        stage = 'subscribing';
        return socket.write(subscribePacket(topics));
      }
      stage = 'subscribed';
      return resolve(socket);
    });
  });
}

/** Bytes of a PUBLISH at QoS 0. @param {string} topic @param {number} payload */
export function publishLength(topic, payload) {
  const body = 2 + topic.length + payload;
  return 1 + lengthBytes(body).length + body;
}

function connectPacket(clientId, username) {
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, 0xc2, 0, 60]),
    text(clientId),
    text(username),
    text('token'),
  ]);
  return packet(0x10, body);
}

function subscribePacket(topics) {
  const filters = topics.flatMap((topic) => [text(topic), Buffer.from([0])]);
  return packet(0x82, Buffer.concat([Buffer.from([0, 1]), ...filters]));
}

const packet = (type, body) => Buffer.concat([Buffer.from([type]), lengthBytes(body.length), body]);

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function lengthBytes(length) {
  const bytes = [];
  for (let rest = length; ; rest >>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}
