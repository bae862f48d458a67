// Question: does the web editor feel immediate? Measured on the built editor, as the daemon serves it, in Debian's Chromium.
//   node bench/web.mjs [services = 10000]
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const headwater = join(root, 'daemon/bin/headwater.js');
const services = Number(process.argv[2] ?? 10_000);
const folder = mkdtempSync(join(tmpdir(), 'headwater-web-bench-'));
const children = [];
const rows = [];
/** 10 Mbit/s and 40 ms there and back, on a machine four times slower. */
const slow = { cpu: 4, kbit: 10_000, latencyMs: 40 };

try {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  });
  await measureEditor(browser);
  await measureManyServices(browser);
  await browser.close();
  print();
} finally {
  for (const child of children.reverse()) await ended(child);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

async function measureEditor(browser) {
  const daemon = await startDaemon('starter');
  const clone = join(folder, 'clone');
  git('clone', '-q', daemon.git, clone);
  write(join(clone, 'schemas/wide.schema.json'), wideSchema(300));
  write(join(clone, 'services/wide/config.json'), { setting_0: 1 });
  git('-C', clone, 'add', '-A');
  git('-C', clone, 'commit', '-q', '-m', 'Add a service of 300 settings');
  git('-C', clone, 'push', '-q', 'origin', 'HEAD:main');
  const visit = await open(browser, daemon);

  const loads = [];
  for (let i = 0; i < 5; i++) loads.push(await load(visit, '/services/stt-worker?env=dev'));
  const { files } = loads[0];
  row('initial JS of the editor page', sum(files.map(gzipped)) / 1000, 45, 'KB gzip', 1);
  row('LCP, cold cache, p95 of 5', p95(loads.map(({ lcp }) => lcp)), 250, 'ms');
  row('CLS', Math.max(...loads.map(({ cls }) => cls)), 0.02, '', 3);
  const slowLoads = [];
  for (let i = 0; i < 5; i++) slowLoads.push(await load(visit, '/services/stt-worker?env=dev', slow));
  row('LCP, 4x slower CPU, 10 Mbit, 40 ms, p95 of 5', p95(slowLoads.map(({ lcp }) => lcp)), 600, 'ms');
  row('JS loaded for JSON tab and diff', sum(lazyFiles(files).map(gzipped)) / 1000, 150, 'KB gzip', 1);

  const page = await visit.newPage();
  await page.goto(`${daemon.http}/services/wide?env=dev`);
  await page.getByRole('button', { name: /^All 300/ }).click();
  await page.locator('[data-pointer="/setting_299"] input').waitFor();
  row('key press → drawn, 300 fields, p95 of 100', p95(await page.evaluate(typeInto, 100)), 16, 'ms', 1);
  await page.close();
  await measureArrival(visit, daemon);
}

/** From Ctrl+Enter to the moment when the page says that the client runs it. */
async function measureArrival(visit, daemon) {
  const out = spawnSync(process.execPath, [
    ...[headwater, 'enroll', 'stt-worker', '--env', 'dev', '--data', daemon.data, '--out', folder],
  ]);
  if (out.status !== 0) throw new Error(String(out.stderr));
  const sample = start(join(root, 'examples/stt-worker/service.mjs'), [], {
    HEADWATER_CONNECTION: join(folder, 'stt-worker.dev.connection.json'),
    XDG_STATE_HOME: join(folder, 'state'),
  });
  await lineOf(sample, /started from/);
  const page = await visit.newPage();
  await page.goto(`${daemon.http}/services/stt-worker?env=dev`);
  await page.getByRole('button', { name: /^All/ }).click();
  const times = [];
  for (let i = 0; i < 12; i++) {
    await page.locator('[data-pointer="/vad_threshold"] input').fill(String(0.2 + i / 100));
    await page.keyboard.press('Control+s');
    await page.locator('hw-review .button.primary:enabled').waitFor();
    const before = await page.locator('.page-head .epoch').innerText();
    const arrived = page.evaluate(watchArrival, before);
    await page.keyboard.press('Control+Enter');
    times.push(await arrived);
  }
  row('commit → “live on client” on the page, p95 of 10', p95(times.slice(2)), 1000, 'ms');
  await page.close();
}

async function measureManyServices(browser) {
  const repository = join(folder, 'many.git');
  const made = spawnSync(process.execPath, [
    join(root, 'bench/make-repository.mjs'),
    repository,
    String(services),
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  const daemon = await startDaemon('many', ['--repo', repository]);
  const visit = await open(browser, daemon);
  const page = await visit.newPage();
  await page.goto(`${daemon.http}/`);
  await page.getByText(`${services} services`).waitFor({ timeout: 60_000 });
  row(`filter ${services} services, p95 of 60`, p95(await page.evaluate(filterServices, 60)), 50, 'ms', 1);
  const busy = p95(await scroll(page, 120));
  row(`scroll ${services} services, busy per step, p95 of 120`, busy, 50, 'ms', 1);
}

/** Milliseconds of script, style and layout of each step; painting is the browser's, and here done without a graphics card. */
async function scroll(page, steps) {
  const tools = await page.context().newCDPSession(page);
  await tools.send('Performance.enable');
  const busy = async () => {
    const { metrics } = await tools.send('Performance.getMetrics');
    const parts = ['ScriptDuration', 'RecalcStyleDuration', 'LayoutDuration'];
    return sum(metrics.filter(({ name }) => parts.includes(name)).map(({ value }) => value)) * 1000;
  };
  const all = [];
  for (let step = 1; step <= steps; step++) {
    const before = await busy();
    await page.evaluate(scrollTo, step);
    all.push((await busy()) - before);
  }
  return all;
}

/* In the page. Work is measured until it is drawn and laid out, without the wait for the screen's next frame. */

async function typeInto(times) {
  const input = document.querySelector('[data-pointer="/setting_150"] input');
  const form = document.querySelector('hw-form');
  const all = [];
  for (let i = 0; i < times + 20; i++) {
    await new Promise(requestAnimationFrame);
    input.value = String(i);
    const at = performance.now();
    input.dispatchEvent(new InputEvent('input', { bubbles: true }));
    await document.querySelector('hw-service-view').updateComplete;
    await form.updateComplete;
    await input.closest('hw-field-row').updateComplete;
    document.body.getBoundingClientRect();
    if (i >= 20) all.push(performance.now() - at);
  }
  return all;
}

async function filterServices(times) {
  const view = document.querySelector('hw-services-view');
  const input = document.querySelector('[data-filter]');
  const words = ['s', 'se', 'service-00', 'group-01', '7', '77', '777', '', 'none at all', 'service-09999'];
  const all = [];
  for (let i = 0; i < times; i++) {
    await new Promise(requestAnimationFrame);
    input.value = words[i % words.length];
    const at = performance.now();
    input.dispatchEvent(new InputEvent('input', { bubbles: true }));
    await view.updateComplete;
    document.body.getBoundingClientRect();
    all.push(performance.now() - at);
  }
  input.value = '';
  input.dispatchEvent(new InputEvent('input', { bubbles: true }));
  return all;
}

async function scrollTo(step) {
  window.scrollTo(0, (step * 3937) % (document.documentElement.scrollHeight - innerHeight));
  // The event comes with a frame, and what it leads to with the next.
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  await document.querySelector('hw-services-view').updateComplete;
  document.body.getBoundingClientRect();
}

function watchArrival(before) {
  return new Promise((resolve) => {
    let at = 0;
    document.addEventListener('keydown', () => (at ||= performance.now()), { capture: true });
    const look = () => {
      const head = document.querySelector('.page-head');
      const isNew = head.querySelector('.epoch').innerText !== before;
      if (isNew && head.innerText.includes('1 of 1 client on this epoch')) resolve(performance.now() - at);
      else requestAnimationFrame(look);
    };
    look();
  });
}

function watchPaint() {
  window.painted = { lcp: 0, cls: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.painted.lcp = entry.startTime;
  }).observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.painted.cls += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}

async function open(browser, daemon) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const token = readFileSync(daemon.adminTokenFile, 'utf8').trim();
  const headers = { origin: daemon.http };
  const answer = await context.request.post(`${daemon.http}/api/v1/session`, { data: { token }, headers });
  if (!answer.ok()) throw new Error(`login answered ${answer.status()}`);
  await context.addInitScript(watchPaint);
  return { origin: daemon.http, newPage: () => context.newPage() };
}

async function load(visit, path, throttle = null) {
  const page = await visit.newPage();
  const files = [];
  page.on('request', (request) => {
    if (/\.js$/.test(request.url())) files.push(new URL(request.url()).pathname);
  });
  const tools = await page.context().newCDPSession(page);
  await tools.send('Network.enable');
  await tools.send('Network.setCacheDisabled', { cacheDisabled: true });
  if (throttle) {
    const perSecond = (throttle.kbit * 1000) / 8;
    await tools.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: throttle.latencyMs },
      ...{ downloadThroughput: perSecond, uploadThroughput: perSecond },
    });
    await tools.send('Emulation.setCPUThrottlingRate', { rate: throttle.cpu });
  }
  await page.goto(visit.origin + path);
  await page.locator('hw-field-row input, hw-field-row select').first().waitFor();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 300)));
  const painted = await page.evaluate(() => window.painted);
  await page.close();
  return { ...painted, files };
}

/** Chunks of the JSON editor and the diff, found by what they import. */
function lazyFiles(initial) {
  const seen = new Set(initial.map((path) => path.split('/').pop()));
  const found = new Set();
  const add = (name) => {
    if (seen.has(name) || found.has(name)) return;
    found.add(name);
    const text = readFileSync(join(root, 'web/dist/assets', name), 'utf8');
    for (const [, other] of text.matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) add(other);
  };
  const names = spawnSync('ls', [join(root, 'web/dist/assets')], { encoding: 'utf8' }).stdout.split('\n');
  for (const name of names) if (/^hw-json-(editor|diff)-.*\.js$/.test(name)) add(name);
  return [...found].map((name) => `/assets/${name}`);
}

function gzipped(path) {
  return statSync(join(root, 'web/dist', `${path}.gz`)).size;
}

async function startDaemon(name, more = []) {
  const data = join(folder, name);
  const daemon = start(headwater, [
    ...['serve', '--data', data, '--http', '127.0.0.1:0', '--mqtt', '127.0.0.1:0', ...more],
  ]);
  return JSON.parse(await lineOf(daemon, /^\{"ready":true/));
}

function start(file, args, env = {}) {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  children.push(child);
  return child;
}

function ended(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}

function lineOf(child, pattern) {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`a process ended before it said ${pattern}`)));
    createInterface({ input: child.stdout }).on('line', (line) => pattern.test(line) && resolve(line));
  });
}

function git(...args) {
  const identity = ['-c', 'user.name=Ann Example', '-c', 'user.email=ann@example.org'];
  const done = spawnSync('git', [...identity, ...args], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
}

function write(path, value) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function wideSchema(count) {
  const kinds = [
    { type: 'integer', default: 1 },
    { type: 'boolean' },
    { type: 'string' },
    { enum: ['a', 'b'] },
  ];
  const setting = (i) => ({
    ...(i === 150 || i === 299 ? kinds[0] : kinds[i % kinds.length]),
    title: `Setting ${i}`,
    description: 'What it does, in a sentence of the usual length, for whoever reads it.',
    'x-hw': { group: `Group ${Math.floor(i / 25)}` },
  });
  const names = Array.from({ length: count }, (_, i) => [`setting_${i}`, setting(i)]);
  return {
    title: 'Wide',
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(names),
  };
}

function row(what, value, target, unit, digits = 0) {
  rows.push({ what, value: value.toFixed(digits), target: `≤ ${target} ${unit}`, unit, ok: value <= target });
}

function print() {
  for (const { what, value, target, unit, ok } of rows)
    console.log(
      `${ok ? 'met   ' : 'MISSED'}  ${what.padEnd(52)} ${`${value} ${unit}`.padStart(14)}   target ${target}`,
    );
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function p95(values) {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1];
}
