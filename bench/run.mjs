// Runs every measurement, or the ones named: `node bench/run.mjs apply-latency fan-out`. `--save` also renews the numbers in
// bench/README.md and the chart. A missed target is shown, not hidden, and is no failure; not being able to measure is.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { barChart } from './support/chart.mjs';
import { machine } from './support/machine.mjs';
import { stopAll } from './support/processes.mjs';
import { resultTable, rowsOf, stageTable } from './support/report.mjs';

/**
 * @typedef {{ folder: string, progress: (text: string) => void }} Context `folder` is the question's own, removed afterwards.
 */

const all = ['apply-latency', 'stages', 'cold-start', 'reads', 'fan-out', 'beyond', 'secrets', 'push-gate'];
/** Run when named: writing large repositories alone takes minutes. */
const long = ['scale'];
const here = fileURLToPath(new URL('.', import.meta.url));
const names = process.argv.slice(2).filter((name) => !name.startsWith('--'));
const unknown = names.find((name) => ![...all, ...long].includes(name));
if (unknown) {
  console.error(`there is no measurement "${unknown}"; there are ${[...all, ...long].join(', ')}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'headwater-bench-'));
const tidy = async () => {
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => tidy().then(() => process.exit(1)));

try {
  const results = await measureAll(names.length > 0 ? names : all);
  report(results);
  await tidy();
} catch (error) {
  await tidy();
  console.error(error);
  process.exit(1);
}

async function measureAll(chosen) {
  const results = {};
  for (const name of chosen) {
    const { title, measure } = await import(`./${name}.mjs`);
    const own = join(folder, name);
    mkdirSync(own);
    const startedAt = performance.now();
    process.stderr.write(`${title}\n`);
    const progress = (text) => process.stderr.write(`  ${text}\n`);
    results[name] = await measure({ folder: own, progress });
    await stopAll();
    process.stderr.write(`  done in ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`);
  }
  return results;
}

function report(results) {
  const { date, text } = machine();
  const rows = rowsOf(results);
  const parts = [resultTable(rows)];
  if (results.stages) parts.push(stageTable(results.stages));
  const versions = results['apply-latency']?.versions;
  const peers = versions ? `, etcd ${versions.etcd}, Mosquitto ${versions.mosquitto}` : '';
  const where = `${date}, ${text}${peers}.`;
  const load = `Load of the machine at the end: ${loadavg()[0].toFixed(1)}.`;
  console.log(`\n${parts.join('\n\n')}\n\n${where} ${load}`);
  mkdirSync(`${here}results`, { recursive: true });
  writeFileSync(`${here}results/latest.json`, `${JSON.stringify({ where, load, rows, results }, null, 2)}\n`);
  const chart =
    results['apply-latency'] &&
    latencyChart(results['apply-latency'], `${date}, ${text.split(',')[0]}, Node ${process.versions.node}`);
  const sizes = results.scale && sizeChart(results.scale, `${date}, Node ${process.versions.node}`);
  const charts = Object.entries({ 'latency.svg': chart, 'scale.svg': sizes }).filter(([, svg]) => svg);
  for (const [name, svg] of charts) writeFileSync(`${here}results/${name}`, svg);
  if (process.argv.includes('--save')) save(parts, `${where} ${load}`, charts);
}

function latencyChart({ native, noble, etcd, mosquitto, messageBytes }, where) {
  return barChart({
    title: 'From a change to another process that has it',
    subtitle: `${messageBytes} bytes each, one run, ${where}`,
    unit: 'ms',
    bars: [
      { label: 'Headwater, signed and verified', ...native, isOurs: true },
      { label: 'Headwater, pure-JavaScript verify', ...noble, isOurs: true },
      { label: 'etcd put → watch', ...etcd },
      { label: 'Mosquitto publish → receipt', ...mosquitto },
    ],
  });
}

function sizeChart({ shapes }, where) {
  const bars = shapes.flatMap(({ name, native, peer }) => [
    { label: name, ...native, isOurs: true },
    { label: 'git diff-tree of the same', ...peer },
  ]);
  const subtitle = `one service changes, native git, two environments, ${where}`;
  return barChart({
    title: 'From a commit to the plan, by the size of the repository',
    subtitle,
    unit: 'ms',
    bars,
  });
}

function save([results, stages], where, charts) {
  const path = `${here}README.md`;
  const readme = readFileSync(path, 'utf8');
  const [before, rest = ''] = readme.split('<!-- results -->\n');
  const after = rest.split('<!-- end of results -->\n')[1] ?? '';
  const body = [
    `Measured ${where}`,
    results,
    ...(stages ? ['Where the time goes (a run of its own):', stages] : []),
  ];
  writeFileSync(path, `${before}<!-- results -->\n${body.join('\n\n')}\n<!-- end of results -->\n${after}`);
  for (const [name, svg] of charts) writeFileSync(`${here}${name}`, svg);
}
