// From what the questions measured to rows that say: ours, the peer beside it, their ratio, the target, and whether it holds.
import { quantity, table } from './stats.mjs';

/**
 * @typedef {{ metric: string, unit: string, p50: number, p99?: number, peer?: { name: string, p50: number, unit?: string },
 *   target?: { text: string, holds: boolean } }} Row
 */

/**
 * @param {Record<string, any>} results by question; a question that did not run has none
 * @returns {Row[]}
 */
export function rowsOf(results) {
  return [
    ...applyRows(results['apply-latency']),
    ...coldStartRows(results['cold-start']),
    ...readRows(results.reads),
    ...fanOutRows(results['fan-out']),
    ...beyondRows(results.beyond),
    ...gateRows(results['push-gate']),
    ...secretsRows(results.secrets),
    ...scaleRows(results.scale),
  ];
}

function applyRows(found) {
  if (!found) return [];
  const { native, noble, busy, etcd, etcd1k, grpcFloor, mosquitto, durableCommit, messageBytes } = found;
  const ratio = native.p50 / etcd.p50;
  return [
    row(
      'ref visible → applied, native verify',
      'ms',
      native,
      atMost(native.p50, 1, 'ms'),
      peer('etcd put → watch', etcd),
    ),
    {
      ...row('  of it, against etcd with the same bytes', '', { p50: ratio }),
      target: { text: '≤ 0.7', holds: ratio <= 0.7 },
    },
    row(
      'ref visible → applied, pure-JavaScript verify',
      'ms',
      noble,
      atMost(noble.p50, 2.5, 'ms'),
      peer('etcd put → watch', etcd),
    ),
    row(
      'ref visible → applied, beside raw MQTT',
      'ms',
      native,
      undefined,
      peer(`Mosquitto, ${messageBytes} B`, mosquitto),
    ),
    row('ref visible → applied, one change after the other', 'ms', busy),
    row('synced commit begins → applied', 'ms', durableCommit, undefined, peer('etcd put → watch', etcd)),
    row('etcd put → watch, 1 KB', 'ms', etcd1k, undefined, peer('its client alone (no storage)', grpcFloor)),
  ];
}

function coldStartRows(found) {
  if (!found) return [];
  const { bare, first, again, usable, lkg } = found;
  const node = peer('node -e 0', bare);
  return [
    row('process start → live, nothing cached', 'ms', first, atMost(first.p50, 80, 'ms'), node),
    row('process start → live, with a cached copy', 'ms', again, atMost(again.p50, 80, 'ms'), node),
    row('process start → usable, from the cached copy', 'ms', usable, undefined, node),
    row('connect() → cached copy verified', 'ms', lkg, atMost(lkg.p50, 5, 'ms')),
  ];
}

function readRows(found) {
  if (!found) return [];
  const { read, bytesPerRead, native, noble } = found;
  const isFree = bytesPerRead < 0.1;
  return [
    row('reading a setting', 'ns', read, {
      text: '≤ 15 ns, no allocation',
      holds: read.p50 <= 15 && isFree,
    }),
    row('opening a one-value diff, native verify', 'µs', native),
    row('opening a one-value diff, pure JavaScript', 'µs', noble, undefined, peer('native verify', native)),
  ];
}

function fanOutRows(found) {
  if (!found) return [];
  const { embedded, stock, stalled } = found;
  const ratio = embedded.p50 / stock.p50;
  const slowed = stalled.p50 / embedded.p50;
  return [
    row(
      'publish → last of 1,000 subscribers',
      'ms',
      embedded,
      { text: '≤ 1.3 × aedes', holds: ratio <= 1.3 },
      peer('stock aedes', stock),
    ),
    row(
      'same, beside one that does not read',
      'ms',
      stalled,
      { text: '≤ 1.2 × without it', holds: slowed <= 1.2 },
      peer('without it', embedded),
    ),
  ];
}

function beyondRows(found) {
  if (!found) return [];
  const { push, pushAlone, thousand, startMs, memory50, memory1000 } = found;
  const mebibytes = (bytes) => ({ p50: bytes / 2 ** 20 });
  return [
    row('git push begins → applied', 'ms', push, undefined, peer('git push alone', pushAlone)),
    row('1,000 services in one commit → all published', 'ms', thousand),
    row('daemon start, 1,000 services', 'ms', { p50: startMs }),
    row('daemon memory, 50 services', 'MiB', mebibytes(memory50)),
    row('daemon memory, 1,000 services, after 10 such commits', 'MiB', mebibytes(memory1000)),
  ];
}

function secretsRows(found) {
  if (!found) return [];
  const { saveAll, saveOne, rawEncrypt, open, openUncached, rawDecrypt, bundles } = found;
  const encrypt = peer('bare AES-GCM of the same bytes', rawEncrypt);
  const decrypt = peer('bare AES-GCM of the same bytes', rawDecrypt);
  return [
    row(
      'secrets file, 20 values: save with all of them new',
      'µs',
      saveAll,
      perSecond(saveAll, 2_000),
      encrypt,
    ),
    row('secrets file, 20 values: save with one changed', 'µs', saveOne),
    row('secrets file, 20 values: open, data key known', 'µs', open, perSecond(open, 4_000), decrypt),
    row('secrets file, 20 values: open with an identity', 'µs', openUncached),
    row(
      'sealed bundles for 1,000 services, 1 KiB each',
      'ms',
      { p50: bundles.ours },
      atMost(bundles.ours, 2_000, 'ms'),
      peer('the age library alone', { p50: bundles.library }),
    ),
    row(
      'longest block of the event loop meanwhile',
      'ms',
      { p50: bundles.longestBlock },
      atMost(bundles.longestBlock, 50, 'ms'),
    ),
  ];
}

function gateRows(found) {
  if (!found) return [];
  const ways = { file: 'git push through the gate, file system', http: 'git push through the gate, HTTP' };
  return Object.entries(ways).map(([way, name]) => {
    const { gated, plain } = found[way];
    const added = gated.p50 - plain.p50;
    return row(name, 'ms', gated, { text: '≤ 20 ms more', holds: added <= 20 }, peer('no hook', plain));
  });
}

function scaleRows(found) {
  if (!found) return [];
  const { shapes, byChange } = found;
  return [
    ...shapes.flatMap(({ name, native, isomorphic, peer: one, limitMs }) => [
      row(
        `commit → plan ready, ${name}`,
        'ms',
        native,
        limitMs === undefined ? undefined : atMost(native.p50, limitMs, 'ms'),
        peer('git diff-tree', one),
      ),
      row('  same, without native git', 'ms', isomorphic, undefined, peer('with it', native)),
    ]),
    ...byChange.map((one) =>
      row(`commit of ${one.changed.toLocaleString('en-US')} services → plan ready, 10k sharded`, 'ms', one),
    ),
  ];
}

const row = (metric, unit, { p50, p99 }, target, beside) => ({
  metric,
  unit,
  p50,
  p99,
  target,
  peer: beside,
});
const peer = (name, { p50 }) => ({ name, p50 });
const perSecond = ({ p50 }, rate) => ({
  text: `≥ ${rate.toLocaleString('en-US')}/s`,
  holds: 1e6 / p50 >= rate,
});
const atMost = (value, limit, unit) => ({ text: `≤ ${limit} ${unit}`, holds: value <= limit });

/** @param {readonly Row[]} rows */
export function resultTable(rows) {
  const head = ['metric', 'ours p50', 'p99', 'peer p50', 'ratio', 'target', 'ok'];
  return table(
    head,
    rows.map(({ metric, unit, p50, p99, peer: beside, target }) => [
      metric.trim(),
      quantity(p50, unit),
      p99 === undefined ? '' : quantity(p99, unit),
      beside ? `${quantity(beside.p50, unit)} (${beside.name})` : '',
      beside ? quantity(p50 / beside.p50, '') : '',
      target?.text ?? '',
      target ? (target.holds ? 'yes' : 'NO') : '',
    ]),
  );
}

/** @param {{ total: import('./stats.mjs').Summary, stages: { name: string, p50: number, p99: number }[] }} found */
export function stageTable({ total, stages }) {
  const cells = ({ name, p50, p99 }) => [name, quantity(p50, 'ms'), quantity(p99, 'ms')];
  return table(['stage', 'p50', 'p99'], [...stages.map(cells), cells({ name: 'all of it', ...total })]);
}
