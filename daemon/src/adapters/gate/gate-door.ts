/**
 * Where the hooks of a repository knock: a named pipe that carries names of questions, one per line. Each question lies in a file
 * beside it and names the pipe that the answer goes to. Everything here is readable by the daemon's own user only.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, open, readdir, unlink } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HeadwaterError } from '@headwater/schemas/protocol';
import type { Log } from '../../log.ts';
import { writeFileDurably } from '../git/durable-fs.ts';
import { gateFiles } from './gate-hook.ts';

export interface GateAnswer {
  readonly allowed: boolean;
  /** What the pusher reads. */
  readonly lines: readonly string[];
}

export interface GateDoor {
  /** Later pushes read that the daemon is not running; those under way are still answered. */
  close(): Promise<void>;
}

/** A question lists one line per pushed ref; so many are no push that a person made. */
const maxQuestionBytes = 4 * 1024 * 1024;

const isQuestionName = (text: string): boolean => /^[A-Za-z0-9_-]{1,80}$/.test(text);

/**
 * Answers hooks until it is closed. `answer` gets the text of a question and must not reject.
 * @param folder Made when it is missing, mode 0700. @throws HeadwaterError `HW_STORAGE_FAILED`.
 */
export async function openGateDoor(
  folder: string,
  answer: (question: string) => Promise<GateAnswer>,
  log: Log,
): Promise<GateDoor> {
  const path = join(folder, gateFiles.door);
  const pidFile = join(folder, gateFiles.pid);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await sweep(folder);
  await makePipe(path);
  // Opened for both directions, so that it neither waits for a first hook nor ends with the last one.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const door = new Socket({ fd, readable: true, writable: false });
  const underWay = new Set<Promise<void>>();

  const handle = async (name: string): Promise<void> => {
    const files = { question: join(folder, `${name}.push`), answer: join(folder, `${name}.answer`) };
    // The hook holds its end open: nothing needs the names any more, and when it ends nothing is left of them.
    const forget = async () => {
      for (const file of Object.values(files)) await unlink(file).catch(ignoreMissing);
    };
    try {
      const { allowed, lines } = await answer(await readQuestion(files.question));
      await writeAnswer(files.answer, lines, allowed, forget);
    } catch (error) {
      // The hook hears nothing and refuses on its own.
      log.warn({ err: error }, 'a push could not be answered');
      await forget().catch((left) => log.warn({ err: left }, 'files of a push could not be removed'));
    }
  };

  let rest = '';
  door.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-200);
    for (const name of lines) {
      if (!isQuestionName(name)) continue;
      const job = handle(name);
      underWay.add(job);
      void job.finally(() => underWay.delete(job));
    }
  });
  door.on('error', (error) => log.error({ err: error }, 'the gate cannot be asked any more'));
  // Last of all: from now on hooks believe that somebody listens.
  await writeFileDurably(pidFile, Buffer.from(`${process.pid}\n`), { mode: 0o600 });

  return {
    async close() {
      await unlink(pidFile).catch(ignoreMissing);
      await unlink(path).catch(ignoreMissing);
      await Promise.allSettled(underWay);
      door.destroy();
    },
  };
}

/** What hooks of an earlier daemon left; whoever still waits for an answer refuses by himself. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const isOld = /\.(push|answer)$/.test(name) || name === gateFiles.door || name === gateFiles.pid;
    if (isOld) await unlink(join(folder, name)).catch(ignoreMissing);
  }
}

async function makePipe(path: string): Promise<void> {
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', path]);
  } catch (cause) {
    throw new HeadwaterError('HW_STORAGE_FAILED', {
      message: `cannot make the named pipe ${path}`,
      hint: 'The data folder must lie on a file system that has named pipes, and the command mkfifo must be there.',
      cause,
    });
  }
}

async function readQuestion(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    if (size > maxQuestionBytes) throw new Error(`the question has ${size} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Rejects when the hook is gone: the push was given up. */
async function writeAnswer(
  path: string,
  lines: readonly string[],
  allowed: boolean,
  whenOpen: () => Promise<void>,
): Promise<void> {
  const text = [...lines.map((line) => (line === '' ? 'text' : `text ${line}`)), allowed ? 'yes' : 'no'];
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  let pipe: Socket;
  try {
    pipe = new Socket({ fd, readable: false, writable: true });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  try {
    await whenOpen();
    await new Promise<void>((resolve, reject) => {
      pipe.once('error', reject);
      pipe.write(`${text.join('\n')}\n`, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    pipe.destroy();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
