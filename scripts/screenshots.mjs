// Pictures of the web editor for the README, taken from a running demo: daemon, sample service, a few commits. Writes docs/images/.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const headwater = join(root, 'daemon/bin/headwater.js');
const images = join(root, 'docs/images');
const folder = mkdtempSync(join(tmpdir(), 'headwater-screenshots-'));
const children = [];

try {
  mkdirSync(images, { recursive: true });
  const daemon = JSON.parse(
    await lineOf(
      start(headwater, [
        ...['serve', '--data', join(folder, 'data'), '--http', '127.0.0.1:0', '--mqtt', '127.0.0.1:0'],
      ]),
      /^\{"ready":true/,
    ),
  );
  await startSample(daemon);
  addCommits(daemon);
  await take(daemon);
} finally {
  for (const child of children.reverse()) await ended(child);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

async function take(daemon) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
  });
  const wide = { viewport: { width: 1280, height: 800 } };
  const dark = { ...wide, colorScheme: 'dark' };
  const phone = { viewport: { width: 390, height: 800 }, hasTouch: true, deviceScaleFactor: 2 };

  const page = await visit(browser, daemon, wide);
  await page.goto(`${daemon.http}/services/stt-worker?env=dev`);
  await page.getByText('1 of 1 client on this epoch').waitFor();
  await page.getByRole('searchbox').fill('voice');
  await page.locator('[data-pointer="/vad_threshold"] input').fill('0.62');
  await save(page, 'editor');
  await page.keyboard.press('Control+s');
  await page.getByText('Applies live to 1 client.').waitFor();
  await save(page, 'review');

  const night = await visit(browser, daemon, dark);
  await night.goto(`${daemon.http}/?env=dev`);
  await night.getByText('7 services').waitFor();
  await night.keyboard.press('Control+k');
  await night.keyboard.type('threshold');
  await night.locator('.palette-item').first().waitFor();
  await save(night, 'find');

  const small = await visit(browser, daemon, phone);
  await small.goto(`${daemon.http}/services/camera?env=dev`);
  await small.locator('.field-row').first().waitFor();
  await save(small, 'phone');
  await browser.close();
}

async function save(page, name) {
  // The picture waits for its letters.
  await page.evaluate(() => document.fonts.ready.then(() => true));
  await page.screenshot({ path: join(images, `${name}.png`), animations: 'disabled', caret: 'hide' });
  console.log(`docs/images/${name}.png`);
}

async function visit(browser, daemon, options) {
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-US', ...options });
  const token = readFileSync(daemon.adminTokenFile, 'utf8').trim();
  const headers = { origin: daemon.http };
  await context.request.post(`${daemon.http}/api/v1/session`, { data: { token }, headers });
  return context.newPage();
}

async function startSample(daemon) {
  const done = spawnSync(process.execPath, [
    ...[headwater, 'enroll', 'stt-worker', '--env', 'dev', '--data', daemon.data, '--out', folder],
  ]);
  if (done.status !== 0) throw new Error(String(done.stderr));
  const sample = start(join(root, 'examples/stt-worker/service.mjs'), [], {
    HEADWATER_CONNECTION: join(folder, 'stt-worker.dev.connection.json'),
    XDG_STATE_HOME: join(folder, 'state'),
  });
  await lineOf(sample, /started from/);
}

function addCommits(daemon) {
  const clone = join(folder, 'clone');
  git('clone', '-q', daemon.git, clone);
  for (const [service, setting, value, message] of [
    ['camera', 'fps', 20, 'Look more often'],
    ['stt-worker', 'vad_threshold', 0.55, 'Hear softer voices'],
  ]) {
    const file = join(clone, `services/${service}/config.json`);
    const config = { ...JSON.parse(readFileSync(file, 'utf8')), [setting]: value };
    writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
    git('-C', clone, 'commit', '-qam', message);
  }
  git('-C', clone, 'push', '-q', 'origin', 'HEAD:main');
}

function git(...args) {
  const identity = ['-c', 'user.name=Ann Example', '-c', 'user.email=ann@example.org'];
  const done = spawnSync('git', [...identity, ...args], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`git ${args.join(' ')}: ${done.stderr}`);
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
