// The two etcd calls that are measured, Put and Watch, over gRPC on one HTTP/2 connection: what etcd's own clients speak, with
// nothing in between. Only the fields that are used are encoded.
import { connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';

/**
 * @param {string} url `http://127.0.0.1:port`
 */
export function openGrpc(url) {
  const { hostname, port } = new URL(url);
  const session = connect(url, {
    createConnection: () => connectTcp({ host: hostname, port: Number(port), noDelay: true }),
  });
  session.on('error', () => {}); // every call in flight tells its own failure
  return {
    /** @param {Buffer} request @returns {Promise<void>} */
    put: (request) =>
      new Promise((resolve, reject) => {
        const stream = session.request(headers('/etcdserverpb.KV/Put'));
        stream.on('error', reject);
        stream.on('trailers', (trailers) =>
          trailers['grpc-status'] === '0' ? resolve() : reject(new Error(`put: ${trailers['grpc-message']}`)),
        );
        stream.resume();
        stream.end(framed(request));
      }),
    /**
     * Watches one key; resolves when the watch stands.
     * @param {string} key
     * @param {(value: Buffer) => void} onValue called with each new value
     * @returns {Promise<void>}
     */
    watch: (key, onValue) =>
      new Promise((resolve, reject) => {
        const stream = session.request(headers('/etcdserverpb.Watch/Watch'));
        let buffered = Buffer.alloc(0);
        stream.on('error', reject);
        stream.on('data', (chunk) => {
          buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
          while (buffered.length >= 5 && buffered.length >= 5 + buffered.readUInt32BE(1)) {
            const end = 5 + buffered.readUInt32BE(1);
            const message = fields(buffered.subarray(5, end));
            buffered = buffered.subarray(end);
            if (message.get(3)) resolve();
            for (const event of message.get(11) ?? []) {
              const [pair] = fields(event).get(2) ?? [];
              const [value] = (pair && fields(pair).get(5)) ?? [];
              if (value) onValue(value);
            }
          }
        });
        stream.write(framed(bytesField(1, bytesField(1, Buffer.from(key)))));
      }),
    close: () => session.destroy(),
  };
}

/**
 * PutRequest { key = 1, value = 2 }
 * @param {string} key
 * @param {Uint8Array} value
 */
export const putRequest = (key, value) =>
  Buffer.concat([bytesField(1, Buffer.from(key)), bytesField(2, value)]);

const headers = (path) => ({
  ':method': 'POST',
  ':path': path,
  'content-type': 'application/grpc',
  te: 'trailers',
});

function framed(message) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function bytesField(number, bytes) {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

/** Fields of a message by number: bytes as a list of buffers, numbers as a list of numbers. */
function fields(message) {
  const found = new Map();
  let at = 0;
  const number = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      value += (byte & 0x7f) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = number();
    let value;
    if ((tag & 7) === 2) {
      const length = number();
      value = message.subarray(at, at + length);
      at += length;
    } else value = number();
    found.set(tag >>> 3, [...(found.get(tag >>> 3) ?? []), value]);
  }
  return found;
}
