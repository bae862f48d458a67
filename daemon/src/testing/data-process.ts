/** Another process that works on a data folder, from the sources: locks and crashes cannot be shown by one process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';

export interface DataScript {
  /** Starts `hold` (opens the folder exclusively and stays) or `create` (makes tokens beside a daemon). */
  start(command: 'hold' | 'create', data: string, count?: number): DataProcess;
  remove(): Promise<void>;
}

export interface DataProcess {
  /** Next line the process prints: `held`, `done`, or an error code. */
  readonly nextLine: () => Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

const contents = `
  import { openDataFolder } from './data-folder.ts';
  import { openTokenStore } from './token-store.ts';
  import { systemClock } from '../system-clock.ts';
  const [command, data, count] = process.argv.slice(2);
  try {
    const folder = await openDataFolder(data, { exclusive: command === 'hold' });
    if (command === 'hold') {
      setInterval(() => {}, 60_000);
      console.log('held');
    } else {
      const store = await openTokenStore(folder, systemClock);
      for (let i = 0; i < Number(count); i++) await store.create({ role: 'viewer', name: 'p' + process.pid + '-' + i });
      console.log('done');
    }
  } catch (error) {
    console.log(error.code);
  }`;

export async function buildDataScript(): Promise<DataScript> {
  const folder = await mkdtemp(join(tmpdir(), 'hw-script-'));
  const script = join(folder, 'data.mjs');
  await build({
    stdin: { contents, resolveDir: join(import.meta.dirname, '../adapters/data'), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
    conditions: ['headwater-source'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'silent',
  });
  const children = new Set<ChildProcess>();
  return {
    start(command, data, count = 0) {
      const child = spawn(process.execPath, [script, command, data, String(count)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.add(child);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return {
        nextLine: async () => String((await lines.next()).value),
        async kill(signal) {
          const ended = once(child, 'exit');
          child.kill(signal);
          await ended;
          children.delete(child);
        },
      };
    },
    async remove() {
      for (const child of children) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
