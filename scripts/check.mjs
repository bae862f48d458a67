// Types of sources and tests, lint, format, and who may import whom.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const steps = [
  ['types', ['typescript/bin/tsc', '-b']],
  ['types of tests', ['typescript/bin/tsc', '-p', 'tests']],
  ['types of the web editor', ['typescript/bin/tsc', '-p', 'web']],
  ['lint and format', ['@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']],
  [
    'layers and cycles',
    [
      'dependency-cruiser/bin/dependency-cruise.mjs',
      '--config',
      '.dependency-cruiser.cjs',
      'schemas',
      'client',
      'daemon',
      'web',
    ],
  ],
];
let failed = false;
for (const [name, [bin, ...args]] of steps) {
  process.stderr.write(`checking ${name} …`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}node_modules/${bin}`, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  process.stderr.write(status === 0 ? ' ok\n' : `\n${stdout}${stderr}`);
  failed ||= status !== 0;
}
process.exitCode = failed ? 1 : 0;
