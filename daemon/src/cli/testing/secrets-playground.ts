/** The example repository with a person who opens its secrets, for tests of commands that change them. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSopsFile } from '../../secrets/sops/open-sops-file.ts';
import { parseSopsFile } from '../../secrets/sops/parse-sops-file.ts';
import { makeTestKey, rulesFor, type TestKey } from '../../testing/secrets-file.ts';
import { makePlayground, type Playground } from './run-command.ts';

export interface SecretsPlayground extends Playground {
  /** Opens every secrets file by the rules of the repository; her identity is in the file "ann.txt". */
  readonly ann: TestKey;
  /** Runs `headwater secrets … --repo config`. */
  secrets(...args: readonly string[]): ReturnType<Playground['run']>;
  /** A file of the work tree. */
  read(path: string): Buffer;
  /** Values of a secrets file by pointer. */
  opened(path: string, key?: TestKey): Promise<Record<string, string>>;
  /** Writes files into the work tree and commits them. */
  commit(files: Readonly<Record<string, string | Uint8Array>>, message?: string): void;
  /** Everything that was ever committed. */
  history(): string;
}

/** The example is made once per test file: writing its objects takes longer than most tests. */
export interface SecretsTemplate extends Disposable {
  play(): Promise<SecretsPlayground>;
}

export async function makeSecretsTemplate(): Promise<SecretsTemplate> {
  const folder = mkdtempSync(join(tmpdir(), 'headwater-secrets-'));
  const ann = await makeTestKey();
  const first = makePlayground();
  await first.run('init', 'config', '--example');
  writeFileSync(join(first.folder, 'config/.sops.yaml'), rulesFor(ann));
  first.git('config', 'commit', '-qam', 'Say who opens secrets');
  cpSync(join(first.folder, 'config'), join(folder, 'config'), { recursive: true });
  first[Symbol.dispose]();
  return {
    async play() {
      const play = makePlayground();
      cpSync(join(folder, 'config'), join(play.folder, 'config'), { recursive: true });
      writeFileSync(join(play.folder, 'ann.txt'), `# ann\n${ann.text}\n`, { mode: 0o600 });
      const read = (path: string) => readFileSync(join(play.folder, 'config', path));
      return Object.assign(play, {
        ann,
        secrets: (...args: readonly string[]) => play.run('secrets', ...args, '--repo', 'config'),
        read,
        async opened(path: string, key = ann) {
          using one = await openSopsFile(parseSopsFile(read(path)), { identities: [key.identity] });
          return Object.fromEntries(one.values);
        },
        commit(files: Readonly<Record<string, string | Uint8Array>>, message = 'Change config') {
          for (const [path, content] of Object.entries(files))
            writeFileSync(join(play.folder, 'config', path), content);
          play.git('config', 'add', '-A');
          play.git('config', 'commit', '-qm', message);
        },
        history: () => play.git('config', 'log', '-p', '--all'),
      });
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
