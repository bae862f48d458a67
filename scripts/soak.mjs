// `make soak`: a system under random edits, bad commits and kills for an hour (SOAK_MINUTES), checked after every step. Ends early at
// the first violation, prints the seed to repeat it with (SOAK_SEED), and memory and handles over time.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { headwater, root } from './demo.mjs';

const minutes = Number(process.env.SOAK_MINUTES ?? 60);
const seed = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = mulberry32(seed);
const folder = mkdtempSync(join(tmpdir(), 'headwater-soak-'));
const data = join(folder, 'data');
const clone = join(folder, 'clone');
const services = ['stt-worker', 'router', 'camera'];
/** How long a client may take to follow a commit, restarts of the daemon and its back-off included. */
const convergeMs = 60_000;

let daemon;
let address = ['--http', '127.0.0.1:0', '--mqtt', '127.0.0.1:0'];
const clients = [];
const samples = [];
const counts = { edits: 0, bad: 0, kills: 0, clientKills: 0 };

console.log(`soak for ${minutes} min, seed ${seed}`);
let failure = null;
try {
  await startDaemon();
  git('clone', '-q', join(data, 'repo.git'), clone);
  for (const service of services) {
    run(['enroll', service, '--env', 'dev', '--data', data, '--out', folder]);
    clients.push(startClient(service));
  }
  const end = Date.now() + minutes * 60_000;
  for (let step = 0; Date.now() < end; step++) await oneStep(step);
} catch (error) {
  failure = error;
} finally {
  for (const client of clients) client.child.kill('SIGKILL');
  daemon?.kill('SIGKILL');
  report();
  rmSync(folder, { recursive: true, force: true });
}

async function oneStep(step) {
  const dice = random();
  if (dice < 0.06) await restartDaemon();
  else if (dice < 0.1) restartClient(Math.floor(random() * clients.length));
  if (random() < 0.15) badCommit();
  const wanted = edit(step);
  await Promise.all(clients.map((client) => client.reaches(wanted)));
  if (step % 20 === 0) sample(step);
}

/** One commit that changes a number in every service; returns it. */
function edit(step) {
  counts.edits += 1;
  const marker = 1 + (step % 40_000);
  git('pull', '-q', '--rebase', 'origin', 'main');
  change('stt-worker', { post_publish_cooldown_ms: marker % 5000 });
  change('router', { router_queue_maxsize: 1 + (marker % 4096) });
  change('camera', { quality: 80, timeout_ms: 1000 + (marker % 9000) });
  push('Soak');
  return git('rev-parse', 'HEAD');
}

/** The gate must refuse it; past the gate, it holds the environment until the next edit, which brings the setting back. */
function badCommit() {
  counts.bad += 1;
  git('pull', '-q', '--rebase', 'origin', 'main');
  change('camera', { quality: 100_000 });
  commit('Spoil');
  const pushed = spawnSync('git', ['-C', clone, 'push', '-q', 'origin', 'HEAD:main'], { encoding: 'utf8' });
  if (pushed.status === 0) throw new Error('the gate let a bad commit in');
  git('push', '-q', 'origin', '+HEAD:refs/heads/spoil');
  git('-C', join(data, 'repo.git'), 'update-ref', 'refs/heads/main', git('rev-parse', 'HEAD'));
}

function change(service, values) {
  const file = join(clone, `services/${service}/config.json`);
  writeFileSync(
    file,
    `${JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...values }, null, 2)}\n`,
  );
}

function push(message) {
  commit(message);
  git('push', '-q', 'origin', 'HEAD:main');
}

function commit(message) {
  git('-c', 'user.name=Soak', '-c', 'user.email=soak@localhost', 'commit', '-qam', message);
}

async function startDaemon() {
  daemon = spawn(process.execPath, [headwater, 'serve', '--data', data, ...address], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ready = await new Promise((resolve, reject) => {
    createInterface({ input: daemon.stdout }).once('line', (line) => resolve(JSON.parse(line)));
    daemon.once('exit', () => reject(new Error('the daemon did not start')));
  });
  address = ['--http', new URL(ready.http).host, '--mqtt', new URL(ready.mqtt).host];
}

async function restartDaemon() {
  counts.kills += 1;
  const gone = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGKILL');
  await gone;
  await startDaemon();
}

function restartClient(index) {
  counts.clientKills += 1;
  clients[index].child.kill('SIGKILL');
  clients[index] = startClient(clients[index].service);
}

/** A service that prints every epoch it applies. It must never go backwards, and reach what is committed. */
function startClient(service) {
  const child = spawn(process.execPath, [join(root, 'scripts/soak-client.mjs')], {
    env: {
      ...process.env,
      HEADWATER_CONNECTION: join(folder, `${service}.dev.connection.json`),
      XDG_STATE_HOME: join(folder, 'state'),
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let last = { seq: 0, commit: '' };
  let wake = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    const epoch = JSON.parse(line);
    if (epoch.seq < last.seq)
      failure ??= new Error(`${service} went back from #${last.seq} to #${epoch.seq}`);
    last = epoch;
    wake();
  });
  const reaches = async (commit) => {
    const deadline = AbortSignal.timeout(convergeMs);
    while (last.commit !== commit) {
      if (failure) throw failure;
      if (deadline.aborted)
        throw new Error(
          `${service} stands at #${last.seq} after ${convergeMs / 1000} s, expected ${commit.slice(0, 7)}`,
        );
      await Promise.race([new Promise((resolve) => (wake = resolve)), delay(1_000)]);
    }
  };
  return { child, service, reaches };
}

function sample(step) {
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  const rssMb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  const handles = readdirSync(`/proc/${daemon.pid}/fd`).length;
  samples.push({ step, rssMb, handles });
  process.stderr.write(
    `\r${counts.edits} edits, ${counts.bad} bad commits, ${counts.kills} daemon and ${counts.clientKills} client kills, daemon ${rssMb.toFixed(0)} MB, ${handles} handles  `,
  );
}

function report() {
  process.stderr.write('\n');
  const sizes = samples.map((one) => one.rssMb);
  console.log(
    `${JSON.stringify(counts)}; daemon memory ${Math.min(...sizes).toFixed(0)} to ${Math.max(...sizes).toFixed(0)} MB`,
  );
  console.log(
    failure
      ? `FAILED: ${failure.message} (SOAK_SEED=${seed})`
      : 'every client followed every commit, and none went backwards',
  );
  process.exitCode = failure ? 1 : 0;
}

function git(...args) {
  const inClone = args[0] === 'clone' ? [] : ['-C', clone];
  return checked(spawnSync('git', [...inClone, ...args], { encoding: 'utf8' }));
}

function run(args) {
  return checked(spawnSync(process.execPath, [headwater, ...args], { encoding: 'utf8' }));
}

function checked({ status, stdout, stderr }) {
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** A small seeded generator (mulberry32), so that a failing run can be repeated. */
function mulberry32(start) {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
