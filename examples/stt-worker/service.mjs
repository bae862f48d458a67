// The sample service of `make start`: it does no speech recognition, it shows what a service sees of its config.
import { connect } from '@headwater/client';

const stt = await connect({
  connection: process.env.HEADWATER_CONNECTION ?? './stt-worker.dev.connection.json',
});

const place = (epoch) => `#${epoch.seq} · ${epoch.commit.slice(0, 7)}`;
const fromStart = `${Math.round(performance.now())} ms after process start`;
const source = stt.state === 'live' ? 'live config' : 'last-known-good copy';
console.log(`started from ${source} at ${place(stt.epoch)}, ${fromStart}, signature ok`);
console.log(`whisper_model ${stt.config.whisper_model}, vad_threshold ${stt.config.vad_threshold}`);

let isLive = stt.state === 'live';
stt.on('state', ({ state, reason }) => {
  if (state === 'offline') return; // our own goodbye
  if (isLive && state === 'live') return; // said above
  isLive = state === 'live';
  console.log(
    state === 'live' ? `live at ${place(stt.epoch)}` : `${state}${reason ? `: ${reason}` : ''}, config stays`,
  );
});
stt.on('change', ({ changes, epoch, restartPending }) => {
  for (const { path, from, to } of changes) {
    console.log(
      `${path.slice(1)}  ${JSON.stringify(from)} → ${JSON.stringify(to)}   epoch ${place(epoch)}   signature ok`,
    );
  }
  if (restartPending.length > 0) console.log(`takes effect after a restart: ${restartPending.join(', ')}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await stt.close();
    process.exit(0);
  });
}
