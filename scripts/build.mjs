// Installs the packages when the lock file changed, then compiles what changed. Says what it does; silent when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.headwater-installed`;
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Headwater needs Node 20.19 or newer; this is ${process.versions.node}.`);
}
install();
compile();
buildEditor();

function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  run('installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  mkdirSync(`${root}node_modules`, { recursive: true });
  writeFileSync(stamp, wanted);
}

function compile() {
  run('building', process.execPath, [
    `${root}node_modules/typescript/bin/tsc`,
    '-b',
    'schemas',
    'client',
    'daemon',
  ]);
}

/** Vite builds all or nothing, so it is asked only when something of the editor, or of the types it shares, changed. */
function buildEditor() {
  const wanted = contentHash(['web', 'schemas/http', 'schemas/protocol', 'package-lock.json']);
  const editorStamp = `${root}web/dist/.built-from`;
  if (existsSync(editorStamp) && readFileSync(editorStamp, 'utf8') === wanted) return;
  run('building the web editor', process.execPath, [
    `${root}node_modules/vite/bin/vite.js`,
    'build',
    'web',
    '--logLevel',
    'warn',
  ]);
  writeFileSync(editorStamp, wanted);
}

/** Hash over names and contents of files and folders. */
function contentHash(paths) {
  const hash = createHash('sha256');
  const add = (path) => {
    if (!statSync(root + path).isDirectory()) {
      hash.update(`${path}\n`).update(readFileSync(root + path));
      return;
    }
    for (const name of readdirSync(root + path).sort())
      if (name !== 'dist' && name !== 'node_modules') add(`${path}/${name}`);
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

function run(what, command, args) {
  const started = performance.now();
  process.stderr.write(`${what} …`);
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status === 0) {
    process.stderr.write(` done (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
    return;
  }
  process.stderr.write('\n');
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(`${what} failed`);
}

function fail(message) {
  console.error(message);
  process.exit(3);
}
