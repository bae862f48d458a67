import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { GitRequest } from '../../git-backend.ts';
import { createLog } from '../../log.ts';
import { makeTestRepository } from '../../testing/test-repository.ts';
import { createHttpBackend, type HttpBackendOptions } from './http-backend.ts';
import { openRepository } from './open-repository.ts';

const log = createLog({ stream: { write: () => true }, level: 'silent' });

async function scene(options: Partial<HttpBackendOptions> = {}) {
  const made = makeTestRepository();
  const [commit] = await made.build([{ parents: [], set: { a: 'x' } }]);
  made.git('update-ref', 'refs/heads/main', commit as string);
  const backend = await createHttpBackend(await openRepository(made.path), { log, ...options });
  const request = (more: Partial<GitRequest> = {}): GitRequest => ({
    service: 'git-receive-pack',
    body: null,
    headers: { contentType: 'application/x-git-receive-pack-request' },
    user: 'ann',
    address: '127.0.0.1',
    signal: new AbortController().signal,
    ...more,
  });
  const dispose = async () => {
    await backend.close();
    made[Symbol.dispose]();
  };
  return { backend, request, commit: commit as string, [Symbol.asyncDispose]: dispose };
}

/** A list of refs that never ends: git reads it as long as it comes. */
async function* endlessCommands() {
  for (let i = 0; ; i++) {
    const line = `${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/b${String(i).padStart(9, '0')}`;
    yield Buffer.from(`${(line.length + 4).toString(16).padStart(4, '0')}${line}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Nothing is sent, and nothing ends. */
const silence = () => new Readable({ read() {} });

test('the refs are listed for whoever asks', async () => {
  await using made = await scene();
  const answer = await made.backend.serve(made.request());
  expect(answer.status).toBe(200);
  expect(await text(answer.body)).toContain(`${made.commit} refs/heads/main`);
});

test('a body that is too large ends git and says so', async () => {
  await using made = await scene({ maxPushBytes: 100_000 });
  const sent = made.backend.serve(made.request({ body: Readable.from(endlessCommands()) }));
  // git begins its answer at once; then the answer breaks off.
  await expect(sent.then((answer) => text(answer.body))).rejects.toMatchObject({
    code: 'HW_REQUEST_TOO_LARGE',
  });
});

test.each([
  ['says nothing for too long', { idleMs: 50 }],
  ['takes too long in all', { totalMs: 50 }],
])('a caller that %s is cut off', async (_, limits) => {
  await using made = await scene(limits);
  const answer = await made.backend.serve(made.request({ body: silence() }));
  await expect(text(answer.body)).rejects.toThrow('git was ended by SIGTERM');
});

test('whoever goes away while waiting for the turn or for the answer is forgotten', async () => {
  await using made = await scene({ atOnce: 1 });
  const first = new AbortController();
  const second = new AbortController();
  const answer = await made.backend.serve(made.request({ body: silence(), signal: first.signal }));
  const waiting = made.backend.serve(made.request({ signal: second.signal }));
  second.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'HW_GIT_BUSY' });
  first.abort();
  await expect(text(answer.body)).rejects.toThrow('git was ended');
  expect((await made.backend.serve(made.request())).status).toBe(200);
});

test('closing ends what runs', async () => {
  await using made = await scene();
  const answer = await made.backend.serve(made.request({ body: silence() }));
  const cut = expect(text(answer.body)).rejects.toThrow('git was ended');
  await made.backend.close();
  await cut;
});
