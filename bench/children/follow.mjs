// A service that follows its config with the client library and says when each document was swapped in.
import { connect } from '@headwater/client';
import { now } from '../support/clock.mjs';

const settings = JSON.parse(process.argv[2]);
const client = await connect({
  connection: settings.connection,
  cacheDir: settings.cacheDir,
  stateDir: settings.cacheDir,
  crypto: settings.crypto,
  log: () => {},
});
client.on('applied', ({ epoch }) => {
  const at = now();
  process.send({ type: 'applied', commit: epoch.commit, at: String(at) });
});
process.on('SIGTERM', () => client.close().then(() => process.exit(0)));
process.on('disconnect', () => process.exit(0));
process.send({ type: 'ready', state: client.state });
