// A service of the soak: prints every epoch it applies, beginning with the one it starts from.
import { connect } from '@headwater/client';

const client = await connect({
  connection: process.env.HEADWATER_CONNECTION,
  log: null,
  firstConfigTimeoutMs: 60_000,
});
const tell = ({ seq, commit }) => console.log(JSON.stringify({ seq, commit }));
tell(client.epoch);
client.on('applied', ({ epoch }) => tell(epoch));
