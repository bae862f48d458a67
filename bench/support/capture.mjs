import { connectMqtt } from './mqtt.mjs';

/**
 * Listens to a service's diff topic; `message` resolves with the next diff, byte for byte.
 * @param {Record<string, any>} connection the service's connection file
 */
export async function captureDiff({ broker, token, deployment, env, service }) {
  const client = await connectMqtt(Number(new URL(broker).port), {
    clientId: `${env}.${service}.capture`,
    username: `${env}/${service}`,
    password: token,
  });
  /** @type {Promise<Buffer>} */
  const message = new Promise((resolve) => {
    client.on('message', (_topic, payload) => {
      if (!payload.toString('latin1', 0, 9).startsWith('HW1 diff ')) return;
      client.end(true);
      resolve(Buffer.from(payload));
    });
  });
  await client.subscribeAsync(`headwater/${deployment}/${env}/services/${service}/diff`, { qos: 0 });
  return { message };
}
