/** A real Mosquitto for tests: its own folder, its own port, gone afterwards. Debian package `mosquitto`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export interface MosquittoOptions {
  /** User names and passwords; without any, everybody may connect. */
  readonly passwords?: Readonly<Record<string, string>>;
  /** Text of the `acl_file`. */
  readonly acl?: string;
  /** A fixed port; otherwise a free one. */
  readonly port?: number;
}

export interface Mosquitto {
  readonly url: string;
  readonly port: number;
  /** Kills it and starts it again on the same port, with nothing retained. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Ends it for a while: `restart` brings it back on the same port, with nothing retained. */
  halt(): Promise<void>;
}

// Debian keeps it in sbin, which is not on every PATH.
const ENV = { ...process.env, PATH: [process.env.PATH, '/usr/sbin', '/usr/local/sbin'].join(delimiter) };

/** Starts Mosquitto and resolves once it accepts connections. @throws Error when it is not installed or does not start. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-mosquitto-'));
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    await kill(child);
    child = undefined;
  };
  try {
    await writeAccessFiles(folder, options);
    let port = options.port ?? (await freePort());
    for (let attempt = 0; child === undefined; attempt += 1) {
      await writeFile(join(folder, 'mosquitto.conf'), configuration(folder, port, options));
      child = await launch(folder, port);
      if (child !== undefined) break;
      // Another program took the port between our look and its start.
      if (options.port !== undefined || attempt === 5)
        throw new Error(`Mosquitto did not start on port ${port}`);
      port = await freePort();
    }
    return {
      port,
      url: `mqtt://127.0.0.1:${port}`,
      async restart() {
        await stop();
        child = await launch(folder, port);
        if (child === undefined) throw new Error(`Mosquitto did not start again on port ${port}`);
      },
      halt: stop,
      async stop() {
        await stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function configuration(folder: string, port: number, { passwords, acl }: MosquittoOptions): string {
  return [
    `listener ${port} 127.0.0.1`,
    'persistence false',
    'set_tcp_nodelay true',
    'log_dest stderr',
    passwords === undefined
      ? 'allow_anonymous true'
      : `allow_anonymous false\npassword_file ${join(folder, 'passwords')}`,
    acl === undefined ? '' : `acl_file ${join(folder, 'acl')}`,
    // Started as root it would change to its own user and could not read this folder.
    process.getuid?.() === 0 ? 'user root' : '',
    '',
  ].join('\n');
}

async function writeAccessFiles(folder: string, { passwords, acl }: MosquittoOptions): Promise<void> {
  if (acl !== undefined) await writeFile(join(folder, 'acl'), acl, { mode: 0o600 });
  if (passwords === undefined) return;
  const file = join(folder, 'passwords');
  const lines = Object.entries(passwords).map(([user, password]) => `${user}:${password}\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
  await promisify(execFile)('mosquitto_passwd', ['-U', file], { env: ENV });
}

/** The running program, or `undefined` when it ended before it accepted a connection. */
async function launch(folder: string, port: number): Promise<ChildProcess | undefined> {
  const child = spawn('mosquitto', ['-c', join(folder, 'mosquitto.conf')], {
    env: ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr?.resume();
  const ended = new Promise<'ended'>((resolve, reject) => {
    child.once('exit', () => resolve('ended'));
    child.once('error', (cause) =>
      reject(new Error('Mosquitto is not installed (Debian: apt-get install mosquitto)', { cause })),
    );
  });
  while (child.exitCode === null && child.pid !== undefined) {
    if (await accepts(port)) return child.exitCode === null ? child : undefined;
    if ((await Promise.race([ended, tick()])) === 'ended') return undefined;
  }
  await ended;
  return undefined;
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

const tick = (): Promise<'tick'> => new Promise((resolve) => setTimeout(resolve, 5, 'tick'));
