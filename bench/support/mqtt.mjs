// mqtt.js as the product uses it: no Nagle, no packet cache.
import { connect as connectTcp } from 'node:net';
import mqtt from 'mqtt';

/**
 * @param {number} port
 * @param {import('mqtt').IClientOptions} [options]
 * @returns {Promise<import('mqtt').MqttClient>}
 */
export function connectMqtt(port, options = {}) {
  const client = new mqtt.MqttClient(
    () => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.setNoDelay(true);
      return socket;
    },
    { protocolVersion: 4, clean: true, writeCache: false, reconnectPeriod: 0, keepalive: 60, ...options },
  );
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve(client));
    client.once('error', reject);
  });
}
