// Installs the packages when the lock file changed, then compiles what changed. Says what it does; silent when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.headwater-installed`;
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Headwater needs Node 20.19 or newer; this is ${process.versions.node}.`);
}
install();
compile();

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
