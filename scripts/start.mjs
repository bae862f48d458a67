// `make start`: everything from nothing to a running demo. `start.mjs daemon` and `start.mjs sample` run one part in the foreground.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  connection,
  data,
  forgetDemo,
  headwater,
  noteDemo,
  root,
  runningDemo,
  sampleFolder,
  shown,
} from './demo.mjs';

const part = process.argv[2] ?? 'all';
const parts = new Map();
let stopping = false;
let isReady = false;
let isWelcome = false;
/** What the parts say before the welcome is news only when the start fails. */
const early = [];

if (part === 'daemon') runAlone([headwater, ...serveArguments()], { HEADWATER_LOG_FORMAT: 'text' });
else if (part === 'sample') startSampleAlone();
else await startAll();

async function startAll() {
  const other = runningDemo();
  if (other !== null) return fail(`The demo already runs (process ${other}). Stop it with: make stop`);
  const build = spawnSync(process.execPath, [`${root}scripts/build.mjs`], { stdio: 'inherit' });
  if (build.status !== 0) return fail('The build failed; nothing was started.');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stopAll());
  const ready = await startDaemon();
  if (!ready) return;
  noteDemo();
  if (!existsSync(connection)) await enrollSample();
  if (stopping) return;
  welcome(ready);
  run('stt-worker', [`${root}examples/stt-worker/service.mjs`], { HEADWATER_CONNECTION: connection });
}

async function startDaemon() {
  const done = progress('starting the daemon');
  const daemon = run('daemon', [headwater, ...serveArguments()], { HEADWATER_LOG_FORMAT: 'text' }, false);
  const ready = await new Promise((resolve) => {
    daemon.once('exit', () => resolve(null));
    createInterface({ input: daemon.stdout }).once('line', (line) => resolve(JSON.parse(line)));
  });
  isReady = ready !== null;
  if (isReady) done();
  return ready;
}

async function enrollSample() {
  const done = progress('enrolling stt-worker');
  mkdirSync(sampleFolder, { recursive: true, mode: 0o700 });
  const child = spawn(
    process.execPath,
    [headwater, 'enroll', 'stt-worker', '--env', 'dev', '--data', data, '--out', sampleFolder],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text;
  });
  const status = await new Promise((resolve) => child.once('exit', resolve));
  if (status === 0) return done();
  process.stderr.write(`\n${complaint}`);
  await stopAll(3);
}

function startSampleAlone() {
  if (!existsSync(connection)) return fail('The sample is not enrolled yet. Run once: make start');
  runAlone([`${root}examples/stt-worker/service.mjs`], { HEADWATER_CONNECTION: connection });
}

/** A part in its own process group, so that Ctrl-C reaches it once and in order: through stopAll. */
function run(name, args, env, withOutput = true) {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  parts.set(name, child);
  if (withOutput) createInterface({ input: child.stdout }).on('line', (line) => say(name, line));
  createInterface({ input: child.stderr }).on('line', (line) => say(name, line));
  child.once('exit', (code, signal) => {
    parts.delete(name);
    if (!stopping) reportEnd(name, code, signal);
  });
  return child;
}

function reportEnd(name, code, signal) {
  if (!isReady) {
    process.exitCode = 3;
    process.stderr.write('\n');
    isWelcome = true;
    for (const repeat of early) repeat();
    return;
  }
  const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
  const what =
    name === 'daemon'
      ? 'Services keep running their last config. Start it again: make daemon'
      : 'Start it again: make sample';
  say(name, `${how}. ${what}`);
  if (parts.size > 0) return;
  forgetDemo();
  process.exitCode = code === 0 ? 0 : 3;
}

async function stopAll(code = 0) {
  if (stopping) return;
  stopping = true;
  process.stderr.write('\nstopping …');
  // The service first: it says goodbye to a broker that is still there.
  for (const name of ['stt-worker', 'daemon']) {
    const child = parts.get(name);
    if (!child) continue;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
  }
  forgetDemo();
  process.stderr.write(' done. The data stays in .headwater; make reset removes it.\n');
  process.exit(code);
}

function runAlone(args, env) {
  const stdio = ['ignore', part === 'sample' ? 'inherit' : 'ignore', 'inherit'];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio });
  // Both get the terminal's Ctrl-C; the part decides when it is done.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
  child.once('exit', (code) => process.exit(code ?? 1));
  child.once('spawn', () => part === 'daemon' && process.stderr.write('the daemon runs; Ctrl-C stops it\n'));
}

/** Ports and the like come from HEADWATER_HTTP, HEADWATER_MQTT, as for any `headwater serve`. */
function serveArguments() {
  return ['serve', '--data', data];
}

function welcome(ready) {
  const token = shown(ready.adminTokenFile);
  isWelcome = true;
  console.log(`
Headwater runs.
  web editor  ${ready.login}
              (the link logs one browser in; another: make login)
  repository  ${shown(ready.git)}${overHttp(ready)}
  API         ${ready.http}   (admin token in ${token})
  broker      ${ready.mqtt}
  sample      stt-worker in environment dev, a process of its own

Now change something, in another terminal and any folder:
  git clone ${ready.git} my-config && cd my-config
  git config user.name "You" && git config user.email "you@example.org"   # unless git knows you
  sed -i.bak 's/"vad_threshold": [0-9.]*/"vad_threshold": 0.62/' services/stt-worker/config.json
  git commit -am "Raise the VAD threshold" && git push

Ctrl-C stops everything and keeps the data.
`);
}

function overHttp({ gitHttp }) {
  return gitHttp ? `\n              ${gitHttp}   (any user name; the password is a token)` : '';
}

function say(name, line) {
  if (stopping) return; // its goodbye is ours
  if (!isWelcome) early.push(() => say(name, line));
  else console.log(`${name.padEnd(10)}  ${line}`);
}

/** One line that ends when the step does. */
function progress(what) {
  const started = performance.now();
  process.stderr.write(`${what} …`);
  return () => process.stderr.write(` done (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
}

function fail(message) {
  console.error(message);
  process.exitCode = 3;
}
