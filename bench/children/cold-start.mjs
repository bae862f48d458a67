// A service that starts, gets its config, and ends: bundled to one file, as services are shipped. Says on stdout when it was there.
import { connect } from '@headwater/client';

const [connection, cacheDir] = process.argv.slice(2);
const calledAt = process.hrtime.bigint();
connect({ connection, cacheDir, stateDir: cacheDir, instance: 'cold', log: () => {} }).then((client) => {
  const usableAt = process.hrtime.bigint();
  const { state } = client;
  const finish = () => {
    const liveAt = process.hrtime.bigint();
    const times = { calledAt: String(calledAt), usableAt: String(usableAt), liveAt: String(liveAt), state };
    process.stdout.write(JSON.stringify(times));
    client.close();
  };
  if (state === 'live') finish();
  else client.on('state', (event) => event.state === 'live' && finish());
});
