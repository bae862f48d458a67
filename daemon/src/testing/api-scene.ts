/** The HTTP API on a real repository with the engine, judge and editor of the daemon; no broker. Not part of the program. */
import { createObjectReader } from '../adapters/git/object-reader.ts';
import { openRepository } from '../adapters/git/open-repository.ts';
import { openConfigApi } from '../assembly/config-api.ts';
import { createDaemonView } from '../daemon-view.ts';
import { type EditScene, openEditScene } from '../editing/testing.ts';
import { Era } from '../epochs/era.ts';
import type { LiveConfigs } from '../live-configs.ts';
import { Receipts } from '../receipts.ts';
import { History } from '../timeline/history.ts';
import { fakeDaemon, type people } from './fake-http-daemon.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of whatever was answered
  readonly body: any;
}

export interface ApiScene extends AsyncDisposable {
  readonly edits: EditScene;
  readonly receipts: Receipts;
  readonly live: LiveConfigs;
  /** Secrets files that were to be encrypted anew. */
  readonly encryptedAnew: readonly string[];
  ask(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    who?: keyof typeof people,
    headers?: Readonly<Record<string, string>>,
  ): Promise<ApiAnswer>;
  /** Starts listening: options of a command that reach it as an admin. */
  listen(): Promise<readonly string[]>;
  /** All routes, as a tree for people. */
  printRoutes(): Promise<string>;
  /** What an admin is answered, as it is. */
  text(path: string): Promise<string>;
  /** A JSON file at the tip. */
  json(path: string): Promise<unknown>;
  /** Somebody pushes, and the daemon follows. */
  commit(files: Readonly<Record<string, unknown>>): Promise<string>;
}

/** Two environments; services `stt` in folder `speech` and `tts`, and people of the fake daemon. */
export const apiFiles: Readonly<Record<string, string>> = {
  'headwater.json': '{"headwater":1,"deployment":"tars","environments":["dev","prod"]}\n',
  'schemas/stt.schema.json': JSON.stringify({
    title: 'Speech to text',
    type: 'object',
    properties: {
      rate: {
        type: 'number',
        maximum: 100,
        default: 1,
        title: 'Sample rate',
        description: 'How fast it hears.',
      },
      model: {
        type: 'string',
        enum: ['small', 'large'],
        'x-hw': { level: 'simple', apply: 'restart', env: 'STT_MODEL' },
      },
      deep: { type: 'object', properties: { x: { type: 'integer' }, y: { type: 'integer' } } },
      api_key: { type: 'string', 'x-hw': { secret: true } },
      list: { type: 'array' },
    },
    additionalProperties: false,
  }),
  'schemas/tts.schema.json': JSON.stringify({
    type: 'object',
    properties: { rate: { type: 'number' }, voice: { type: 'string' } },
    additionalProperties: false,
  }),
  'services/speech/stt/config.json': '{\n  "rate": 5,\n  "model": "small"\n}\n',
  'services/speech/stt/config.prod.json': '{\n  "rate": 9\n}\n',
  'services/tts/config.json': '{\n  "rate": 2\n}\n',
};

export const sttBase = 'services/speech/stt/config.json';
export const sttProd = 'services/speech/stt/config.prod.json';
export const ttsBase = 'services/tts/config.json';

export async function openApiScene(files: Readonly<Record<string, string>> = apiFiles): Promise<ApiScene> {
  const edits = await openEditScene(files);
  const { engine, deps } = edits;
  const reader = await createObjectReader(await openRepository(edits.made.path));
  const receipts = new Receipts('headwater/tars', deps.clock);
  const history = new History({
    ...{ reader, readBlob: deps.readBlob, engine: () => engine, candidates: deps.judge, era: new Era() },
  });
  const encryptedAnew: string[] = [];
  const parts = openConfigApi({
    repository: { reader },
    judging: { readBlob: deps.readBlob },
    pipeline: () => ({ engine, era: 1 }),
    ...{ editor: edits.editor, history, receipts },
    encryptAnew: async (bytes, { path }) => {
      encryptedAnew.push(path);
      return bytes;
    },
  });
  const view = createDaemonView({
    ...{ deployment: 'tars', era: new Era(), engine: () => engine, receipts, readBlob: deps.readBlob },
    health: () => {
      throw new Error('there is no broker to be healthy');
    },
  });
  const daemon = fakeDaemon([], '/nonexistent', { ...parts, history, view });
  return {
    edits,
    receipts,
    live: parts.config.live,
    encryptedAnew,
    async ask(method, path, body, who = 'admin', headers = {}) {
      const answer = await daemon.app.inject({
        method,
        url: `/api/v1${path}`,
        headers: {
          authorization: `Bearer ${daemon.token(who)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      });
      const text = answer.body;
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: text === '' ? null : JSON.parse(text),
      };
    },
    async listen() {
      const url = await daemon.app.listen({ host: '127.0.0.1', port: 0 });
      return ['--url', url, '--token', daemon.token('admin')];
    },
    async printRoutes() {
      await daemon.app.ready();
      return daemon.app.printRoutes({ commonPrefix: false });
    },
    async text(path) {
      const headers = { authorization: `Bearer ${daemon.token('admin')}` };
      return (await daemon.app.inject({ url: `/api/v1${path}`, headers })).body;
    },
    async json(path) {
      const text = await edits.read(path);
      return text === null ? null : JSON.parse(text);
    },
    async commit(changes) {
      const texts = Object.entries(changes).map(([path, value]) => [
        path,
        value === null || typeof value === 'string' ? value : JSON.stringify(value),
      ]);
      const id = await edits.commitByHand(Object.fromEntries(texts));
      await deps.branch.follow({ refresh: false });
      return id;
    },
    async [Symbol.asyncDispose]() {
      await daemon.app.close();
      await reader.close();
      await edits[Symbol.asyncDispose]();
    },
  };
}
