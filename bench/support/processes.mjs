// Child processes: started with a plain environment, heard through lines or messages, and none left behind.
import { fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const running = new Set();
process.setMaxListeners(0); // one "exit" listener per child

/** NODE_EXTRA_CA_CERTS alone adds 38 ms to every start of Node. */
const environment = { ...process.env };
delete environment.NODE_EXTRA_CA_CERTS;
delete environment.NODE_OPTIONS;

/**
 * @typedef {import('node:child_process').ChildProcess} ChildProcess
 * @typedef {{ child: ChildProcess, ended: Promise<void>, stop: () => Promise<void> }} Running
 */

/**
 * Starts a program. What it prints on stderr is kept, and told if it ends by itself with an error.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string, ipc?: boolean }} [options]
 * @returns {Running & { line: (pattern: RegExp) => Promise<string> }}
 */
export function start(command, args, options = {}) {
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: { ...environment, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? ['ipc'] : [])],
  });
  const lines = [];
  const waiting = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(text);
      if (lines.length > 500) lines.shift();
      for (const check of [...waiting]) check(text);
    });
  }
  const handle = track(child, () => lines.slice(-20).join('\n'));
  const line = (pattern) =>
    new Promise((resolve, reject) => {
      const known = lines.find((text) => pattern.test(text));
      if (known !== undefined) return resolve(known);
      const check = (text) => {
        if (!pattern.test(text)) return;
        waiting.delete(check);
        resolve(text);
      };
      waiting.add(check);
      handle.ended.then(() => reject(new Error(`${command} ended early:\n${lines.slice(-20).join('\n')}`)));
    });
  return { ...handle, line };
}

/**
 * Starts one of the programs in `children/`; it talks by messages.
 * @param {string} name
 * @param {object} settings handed over as JSON
 * @param {{ execArgv?: string[], patienceMs?: number }} [options] `patienceMs`: how long to wait for a message, 20 s by default
 * @returns {Running & { next: (type: string) => Promise<any>, send: (message: object) => void }}
 */
export function startChild(name, settings, options = {}) {
  const file = fileURLToPath(new URL(`../children/${name}.mjs`, import.meta.url));
  const child = fork(file, [JSON.stringify(settings)], {
    env: environment,
    execArgv: options.execArgv ?? [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const { patienceMs = 20_000 } = options;
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint = (complaint + text).slice(-4000);
  });
  const handle = track(child, () => complaint);
  const arrived = [];
  const waiting = [];
  child.on('message', (message) => {
    const index = waiting.findIndex((one) => one.type === message.type);
    if (index >= 0) waiting.splice(index, 1)[0].resolve(message);
    else arrived.push(message);
  });
  const next = (type) =>
    new Promise((resolve, reject) => {
      const index = arrived.findIndex((message) => message.type === type);
      if (index >= 0) return resolve(arrived.splice(index, 1)[0]);
      const timer = setTimeout(
        () => reject(new Error(`${name} said no "${type}" within ${patienceMs / 1000} s\n${complaint}`)),
        patienceMs,
      );
      const done = (message) => {
        clearTimeout(timer);
        resolve(message);
      };
      waiting.push({ type, resolve: done });
      handle.ended.then(() => {
        clearTimeout(timer);
        reject(new Error(`${name} ended early: ${complaint}`));
      });
    });
  return { ...handle, next, send: (message) => child.send(message) };
}

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string }} [options]
 * @returns {Promise<string>} stdout
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd,
      env: { ...environment, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve(stdout)
        : reject(new Error(`${command} ${args.join(' ')} failed (${code}): ${stderr}`)),
    );
  });
}

/** Ends everything that still runs. */
export async function stopAll() {
  await Promise.all([...running].map((stop) => stop()));
}

function track(child, complaint) {
  let isWanted = true;
  const ended = new Promise((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    isWanted = false;
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
  };
  running.add(stop);
  child.once('close', (code) => {
    running.delete(stop);
    if (isWanted && code) process.stderr.write(`a process ended with ${code}:\n${complaint()}\n`);
  });
  // A run that is cut short must not leave servers behind.
  process.once('exit', () => child.kill('SIGKILL'));
  return { child, ended, stop };
}
