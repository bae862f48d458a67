/** A repository at another host: what is pushed there is applied, whatever happens to the host on the way. */
import { createHmac } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type GitHttpServer, startGitHttpServer } from '../../daemon/src/testing/git-http-server.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { fallsIn, startRecorder } from '../support/recorder.ts';
import { headwaterBin, type Stack, startStack, temporaryFolder } from '../support/stack.ts';

const config = 'services/stt-worker/config.json';
const token = 'canary-of-the-git-token';

interface Host extends AsyncDisposable {
  readonly server: GitHttpServer;
  /** Folder of its bare repository. */
  readonly path: string;
  readonly url: string;
  /** Variables for a daemon that follows it. */
  readonly env: Readonly<Record<string, string>>;
}

/** A git host with the starter in it, which wants a token. */
async function startHost(settings: object): Promise<Host> {
  const folder = await temporaryFolder();
  const work = join(folder, 'work');
  const run = async (command: string, ...args: string[]) => {
    const done = await runProcess(command, args);
    if (done.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stderr}`);
  };
  await run(process.execPath, headwaterBin, 'init', work, '--example');
  await mkdir(join(folder, 'host'));
  const path = join(folder, 'host', 'config.git');
  await run('git', 'clone', '-q', '--bare', work, path);
  await run('git', '-C', path, 'config', 'http.receivepack', 'true');
  const server = await startGitHttpServer(join(folder, 'host'));
  server.authorization = `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  await writeFile(join(folder, 'token'), `${token}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'hook'), 'shared\n', { mode: 0o600 });
  await writeFile(join(folder, 'config.json'), JSON.stringify(settings));
  const url = `${server.url}/config.git`;
  return {
    server,
    path,
    url,
    env: {
      HEADWATER_REPO: url,
      HEADWATER_REPO_TOKEN_FILE: join(folder, 'token'),
      HEADWATER_CONFIG: join(folder, 'config.json'),
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await run('rm', '-rf', folder);
    },
  };
}

/** A daemon that follows the host, a clone that pushes to the host, and stt-worker enrolled through it. */
async function startFollower(host: Host): Promise<{ stack: Stack; connection: string }> {
  const stack = await startStack({ env: host.env });
  await stack.git('remote', 'set-url', 'origin', host.path);
  const enroll = (...more: string[]) => {
    const { data, folder } = stack;
    return stack.headwater('enroll', 'stt-worker', '--env', 'dev', '--data', data, '--out', folder, ...more);
  };
  // A commit in the mirror itself would be lost.
  const refused = await enroll();
  expect(refused.stderr).toMatch(/mirrors .*would be overwritten/);
  const done = await enroll('--repo', stack.clone);
  if (done.code !== 0) throw new Error(`enroll: ${done.stderr}`);
  await stack.git('push', '-q', 'origin', 'HEAD:main');
  return { stack, connection: join(stack.folder, 'stt-worker.dev.connection.json') };
}

test('what is pushed to the host is applied; the host may go and come back, and the daemon too', async () => {
  await using host = await startHost({ remote: { pollSeconds: 1 } });
  const { stack: started, connection } = await startFollower(host);
  await using stack = started;
  await using recorder = await startRecorder(connection);
  const applied = (commit: string) =>
    recorder.waitFor(({ kind, epoch }) => kind === 'diff: diff' && epoch.commit === commit);

  await applied(await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.1 })));
  const fine = await stack.headwater('status', '--data', stack.data);
  expect(fine.stdout).toMatch(/git host reachable, in step \d+ s ago/);
  expect(fine.code).toBe(0);

  await host.server.stop();
  await stack.daemon.waitFor(/needs attention.*HW_UPSTREAM_UNREACHABLE|HW_UPSTREAM_UNREACHABLE/);
  const away = await stack.headwater('status', '--data', stack.data);
  expect(away.stdout).toMatch(/git host out of reach, in step \d+ s ago/);
  expect(away.stdout).toContain('HW_UPSTREAM_UNREACHABLE');
  expect(away.code).toBe(1);

  // Pushed while nobody listens; the daemon restarts from its mirror and serves what it has.
  const missed = await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.2 }));
  await stack.daemon.kill('SIGTERM');
  await stack.restart();
  const since = stack.daemon.lines.length;
  await host.server.start();
  await applied(missed);
  await stack.daemon.waitFor(/works again/, since);
  await applied(await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.3 })));

  expect(recorder.refused).toEqual([]);
  expect(fallsIn(recorder.all)).toEqual([]);
  const healed = await stack.headwater('status', '--data', stack.data, '--json');
  expect(JSON.parse(healed.stdout).git).toMatchObject({ reachable: true, takesPushes: true });
  expect(stack.daemon.lines.join('\n')).not.toContain(token);
});

test('an edit through the daemon is at the host when it is answered; with the host away it is refused and nothing is half done', async () => {
  await using host = await startHost({ remote: { pollSeconds: 3600 } });
  const { stack: started, connection } = await startFollower(host);
  await using stack = started;
  await using recorder = await startRecorder(connection);
  const authorization = `Bearer ${(await readFile(stack.ready.adminTokenFile, 'utf8')).trim()}`;
  const service = `${stack.ready.http}/api/v1/services/stt-worker`;
  const save = async (value: number) => {
    const shown = await fetch(`${service}?env=dev`, { headers: { authorization } });
    const answer = await fetch(`${service}?layer=base`, {
      method: 'PATCH',
      headers: {
        authorization,
        'if-match': shown.headers.get('etag') ?? '',
        'content-type': 'application/merge-patch+json',
      },
      body: JSON.stringify({ vad_threshold: value }),
    });
    return { status: answer.status, body: (await answer.json()) as { commit?: string; code?: string } };
  };
  const tipAtHost = () =>
    runProcess('git', ['-C', host.path, 'rev-parse', 'main']).then(({ stdout }) => stdout.trim());

  const saved = await save(0.41);
  expect(saved.status).toBe(201);
  expect(await tipAtHost()).toBe(saved.body.commit);
  await recorder.waitFor(({ kind, epoch }) => kind === 'diff: diff' && epoch.commit === saved.body.commit);

  // Somebody pushed meanwhile, and the daemon does not know it yet: the edit goes on top.
  const theirs = await stack.edit(
    'services/tts-worker/config.json',
    (value) => ({ ...value, $comment: 'theirs' }),
    'A comment',
  );
  const onTop = await save(0.42);
  expect(onTop.status).toBe(201);
  expect((await runProcess('git', ['-C', host.path, 'rev-parse', 'main^'])).stdout.trim()).toBe(theirs);

  // The host took the push and its answer was lost: the edit counts.
  host.server.fault = ({ path }) => (path.endsWith('/git-receive-pack') ? { kind: 'lose-answer' } : null);
  const lost = await save(0.43);
  expect(lost.status).toBe(201);
  expect(await tipAtHost()).toBe(lost.body.commit);

  await host.server.stop();
  const refused = await save(0.44);
  expect([refused.status, refused.body.code]).toEqual([503, 'HW_UPSTREAM_UNREACHABLE']);
  expect(await tipAtHost()).toBe(lost.body.commit);
  const mirror = await runProcess('git', ['-C', stack.ready.git, 'rev-parse', 'main']);
  expect(mirror.stdout.trim()).toBe(lost.body.commit);
  await host.server.start();
  host.server.fault = () => null;
  expect((await save(0.44)).status).toBe(201);
});

test('a webhook with the right signature brings a push at once, a wrong one nothing', async () => {
  const hooks = { generic: { secretFile: 'hook' } };
  await using host = await startHost({ remote: { pollSeconds: 3600 }, webhooks: hooks });
  const { stack: started, connection } = await startFollower(host);
  await using stack = started;
  await using recorder = await startRecorder(connection);
  const tip = await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.4 }));
  const post = (secret: string) => {
    const time = String(Math.floor(Date.now() / 1000));
    const mac = createHmac('sha256', secret).update(`${time}.pushed`).digest('hex');
    return fetch(`${stack.ready.http}/api/v1/webhooks/generic`, {
      method: 'POST',
      body: 'pushed',
      headers: { 'headwater-timestamp': time, 'headwater-signature': `sha256=${mac}` },
    });
  };
  const asked = host.server.requests.length;
  const wrong = await post('another');
  expect([wrong.status, ((await wrong.json()) as { code: string }).code]).toEqual([
    403,
    'HW_WEBHOOK_REFUSED',
  ]);
  expect(host.server.requests.length).toBe(asked);
  expect((await post('shared')).status).toBe(202);
  await recorder.waitFor(({ kind, epoch }) => kind === 'diff: diff' && epoch.commit === tip);
});

test('a branch that is rewritten at the host is refused, and the last epoch stays live', async () => {
  await using host = await startHost({ remote: { pollSeconds: 1 } });
  const { stack: started, connection } = await startFollower(host);
  await using stack = started;
  await using recorder = await startRecorder(connection);
  const good = await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.55 }));
  await recorder.waitFor(({ kind, epoch }) => kind === 'epoch' && epoch.commit === good);
  await stack.git('commit', '-q', '--amend', '-m', 'Another past');
  await stack.git('push', '-q', '--force', 'origin', 'HEAD:main');
  await stack.daemon.waitFor(/HW_HISTORY_REWRITTEN/);
  // Put back, it goes on.
  await stack.git('push', '-q', '--force', 'origin', `${good}:main`);
  await stack.git('reset', '-q', '--hard', good);
  const next = await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.6 }));
  await recorder.waitFor(({ kind, epoch }) => kind === 'diff: diff' && epoch.commit === next);
  expect(fallsIn(recorder.all)).toEqual([]);
});

test('what one daemon accepts is written down at the host, and one with a mirror and a broker of its own follows', async () => {
  await using host = await startHost({ remote: { pollSeconds: 1 } });
  const { stack: started, connection } = await startFollower(host);
  await using stack = started;
  await using recorder = await startRecorder(connection);
  const data = join(stack.folder, 'second');
  await mkdir(data, { mode: 0o700 });
  await writeFile(join(data, 'version'), '1\n', { mode: 0o600 });
  for (const name of ['keys', 'tokens.json', 'admin-token'])
    await cp(join(stack.data, name), join(data, name), { recursive: true });
  const args = ['--data', data, '--http', '127.0.0.1:0', '--mqtt', '127.0.0.1:0', '--log-format', 'text'];
  await using second = startProcess(process.execPath, [headwaterBin, 'serve', ...args], { env: host.env });
  await second.waitFor(/^\{"ready":true/);
  const good = await stack.edit(config, (value) => ({ ...value, vad_threshold: 0.55 }));
  await recorder.waitFor(({ kind, epoch }) => kind === 'epoch' && epoch.commit === good);
  await second.waitFor(new RegExp(`epoch is live.*${good.slice(0, 7)}`));

  await stack.git('commit', '-q', '--amend', '-m', 'Another past');
  const tip = await stack.git('rev-parse', 'HEAD');
  await stack.git('push', '-q', '--force', 'origin', 'HEAD:main');
  for (const daemon of [stack.daemon, second]) await daemon.waitFor(/HW_HISTORY_REWRITTEN/);
  const accepted = await stack.headwater('epoch', 'accept-rewrite', '--data', data, '--json');
  expect(JSON.parse(accepted.stdout)).toMatchObject({ accepted: true, era: 2, start: { commit: tip } });
  const atHost = await runProcess('git', ['-C', host.path, 'show', 'refs/headwater/epochs:epochs.json']);
  expect(JSON.parse(atHost.stdout)).toMatchObject({ deployment: 'tars', era: 2, start: { commit: tip } });
  await recorder.waitFor(({ kind, epoch }) => kind === 'epoch' && epoch.era === 2 && epoch.commit === tip);
  expect(fallsIn(recorder.all)).toEqual([]);
  expect((await stack.headwater('status', '--data', stack.data)).stdout).toMatch(/^tars, era 2\n/);
});

test('a start that cannot clone says why', async () => {
  await using host = await startHost({});
  const start = async (env: Readonly<Record<string, string>>) => {
    const data = join(await temporaryFolder(), 'data');
    const done = await runProcess(process.execPath, [headwaterBin, 'serve', '--data', data], {
      env: { HEADWATER_HTTP: '127.0.0.1:0', HEADWATER_MQTT: '127.0.0.1:0', ...host.env, ...env },
    });
    await runProcess('rm', ['-rf', join(data, '..')]);
    return done;
  };
  host.server.authorization = 'Basic renewed';
  const refused = await start({});
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/does not accept the credential \(401\)[\s\S]*--repo-token-file/);
  const inAddress = await start({ HEADWATER_REPO: host.url.replace('://', `://ann:${token}@`) });
  expect(inAddress.code).toBe(2);
  expect(inAddress.stderr).toContain('user name or a password');
  await host.server.stop();
  const away = await start({});
  expect(away.code).toBe(3);
  expect(away.stderr).toContain('refuses connections');
  for (const { stderr, stdout } of [refused, inAddress, away]) expect(stdout + stderr).not.toContain(token);
});
