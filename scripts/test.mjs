// Runs vitest and ends with the plain line `N passed, N failed, N skipped`. HW_REQUIRE_ALL=1 makes a skip a failure.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'headwater-test-'));
const report = join(folder, 'report.json');
const vitest = [
  `${root}node_modules/vitest/vitest.mjs`,
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
];
const { status } = spawnSync(process.execPath, [...vitest, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});

const counts = readCounts();
rmSync(folder, { recursive: true, force: true });
const skipsFail = process.env.HW_REQUIRE_ALL === '1' && counts.skipped > 0;
if (skipsFail) console.log('a test was skipped, and HW_REQUIRE_ALL=1 asks for all of them');
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = status !== 0 || counts.failed > 0 || counts.passed === 0 || skipsFail ? 1 : 0;

function readCounts() {
  let result;
  try {
    result = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }; // vitest died before it could write: that is a failure
  }
  // A file that fails to load has no tests of its own to count.
  const brokenFiles = result.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + brokenFiles,
    skipped: result.numPendingTests + (result.numTodoTests ?? 0),
  };
}
