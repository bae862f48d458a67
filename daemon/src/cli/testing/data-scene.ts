/** A data folder as a daemon leaves it (keys, tokens, repository, daemon.json), and a stand-in that answers its HTTP questions. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Keyring } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import { type CommitKey, openCommitKey } from '../../adapters/data/commit-key.ts';
import { writeDaemonFile } from '../../adapters/data/daemon-file.ts';
import { type DataFolder, openDataFolder } from '../../adapters/data/data-folder.ts';
import { openIdentityStore } from '../../adapters/data/identity-store.ts';
import { type KeyStore, openKeyStore } from '../../adapters/data/key-store.ts';
import { openTokenStore, type TokenStore } from '../../adapters/data/token-store.ts';
import { createRepository } from '../../adapters/git/create-repository.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { starterFiles } from '../../starter.ts';

export interface DataScene extends AsyncDisposable {
  readonly path: string;
  readonly keys: KeyStore;
  readonly keyring: Keyring;
  readonly tokens: TokenStore;
  /** `age1…` of the daemon. */
  readonly recipient: string;
  readonly commitKey: CommitKey;
  readonly url: string;
  /** Answers by path without query; tests change them. */
  readonly answers: Map<string, unknown>;
  /** Stops the stand-in, as a daemon that died would. */
  stop(): Promise<void>;
}

export async function makeDataScene(parent: string): Promise<DataScene> {
  const folder = await openDataFolder(join(parent, 'data'), { exclusive: true });
  const keys = await openKeyStore(folder, nodeCrypto);
  const keyring = await keys.keysMessage('tars', new Date());
  const { recipient } = await openIdentityStore(folder);
  const commitKey = await openCommitKey(folder, nodeCrypto);
  const tokens = await openTokenStore(folder, systemClock);
  await tokens.ensureAdminToken();
  const author = { name: 'Ada', email: 'ada@example.org', time: 1_700_000_000 };
  const files = await starterFiles();
  const tip = await createRepository(folder.repoDir, {
    bare: true,
    branch: 'main',
    files,
    message: 'Begin',
    author,
  });
  const epoch = { era: 1, seq: 1, commit: tip };
  const environment = {
    env: 'dev',
    epoch,
    status: 'ok',
    tip: { commit: tip, seq: 1 },
    held: [],
    heldTotal: 0,
    policy: { protected: false, review: 'headwater', signedCommits: 'off' },
    warnings: [],
  };
  const answers = new Map<string, unknown>([
    ['/health', { ok: true, version: '0.1.0', problems: [] }],
    ['/api/v1/me', { deployment: 'tars', environments: ['dev'] }],
    ['/api/v1/epoch', environment],
    ['/api/v1/epoch/era', { era: 1, ledger: 'shared', refused: null }],
    ['/api/v1/services', { env: 'dev', services: [] }],
    ['/api/v1/services/stt-worker', { service: 'stt-worker', env: 'dev', epoch, config: {}, clients: [] }],
  ]);
  const server = await serve(folder, answers);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const facts = { pid: process.pid, deployment: 'tars', startedAt: new Date().toISOString() };
  // Nothing listens on port 9 of loopback, so the broker is found to be gone at once.
  await writeDaemonFile(folder.path, { ...facts, http: url, mqtt: 'mqtt://127.0.0.1:9', git: null });
  const stop = () => new Promise<void>((done) => server.close(() => done()));
  return {
    ...{ path: folder.path, keys, keyring, tokens, recipient, commitKey, url, answers, stop },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await stop();
      await folder.release();
    },
  };
}

function serve(folder: DataFolder, answers: ReadonlyMap<string, unknown>): Promise<Server> {
  const token = readFileSync(join(folder.path, 'admin-token'), 'utf8').trim();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    const isKnown = path === '/health' || request.headers.authorization === `Bearer ${token}`;
    const body = isKnown
      ? answers.get(path)
      : { code: 'HW_TOKEN_INVALID', detail: 'no such token', hint: 'Use another.' };
    response.writeHead(isKnown ? (body === undefined ? 404 : 200) : 401, {
      'content-type': 'application/json',
    });
    response.end(JSON.stringify(body ?? { code: 'HW_NOT_FOUND', detail: 'there is no such thing' }));
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}
