// A service that reads one secret. It shows the whole config, and of the secret only its hash, so that a test can tell what it read.
import { createHash } from 'node:crypto';
import { connect } from '@headwater/client';

const client = await connect({ connection: process.env.HEADWATER_CONNECTION, instance: 'reader' });
const hash = (text) => (text === undefined ? 'none' : createHash('sha256').update(text).digest('hex'));
const read = () => {
  try {
    return hash(client.config.openai_api_key);
  } catch (error) {
    return `${error.code} ${error.details.reason}`;
  }
};
const say = (event) =>
  console.log(`${event} ${client.state} key ${read()} config ${JSON.stringify(client.config)}`);
say('start');
client.on('change', () => say('change'));
client.on('state', () => say('state'));
client.on('refused', (refusal) => console.log('refused', refusal));
process.once('SIGTERM', () => client.close().then(() => process.exit(0)));
