import { expect, test } from 'vitest';
import { barChart, niceEnd } from './support/chart.mjs';
import { resultTable, rowsOf } from './support/report.mjs';
import { percentile, quantity, summarize, table } from './support/stats.mjs';

test('a percentile is a value that was measured', () => {
  const sorted = [1, 2, 3, 4];
  expect(percentile(sorted, 0.5)).toBe(2);
  expect(percentile(sorted, 0.51)).toBe(3);
  expect(percentile(sorted, 0.99)).toBe(4);
  expect(percentile(sorted, 0)).toBe(1);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});

test('a summary does not depend on the order of the samples, and sorts numbers as numbers', () => {
  expect(summarize([10, 9, 100, 1])).toEqual({ count: 4, min: 1, p50: 9, p90: 100, p99: 100, max: 100 });
});

test('quantities keep three digits', () => {
  expect(quantity(0.7344, 'ms')).toBe('0.734 ms');
  expect(quantity(12.345, 'ns')).toBe('12.3 ns');
  expect(quantity(1240.4, 'ms')).toBe('1,240 ms');
  expect(quantity(0.7, '')).toBe('0.700');
  expect(quantity(undefined, 'ms')).toBe('–');
});

test('table columns line up', () => {
  expect(table(['a', 'long'], [['xyz', '1']])).toBe('| a   | long |\n| --- | ---- |\n| xyz | 1    |');
});

test('a missed target is shown as missed', () => {
  const summary = (p50: number) => ({ p50, p99: 2 * p50 });
  const rows = rowsOf({ 'fan-out': { embedded: summary(14), stock: summary(10), stalled: summary(14.5) } });
  expect(rows.map((row) => row.target?.holds)).toEqual([false, true]);
  const text = resultTable(rows);
  expect(text).toMatch(/\| 1\.40 +\| ≤ 1\.3 × aedes +\| NO /);
  expect(text).toMatch(/\| yes /);
});

test('a chart names every bar, escapes what it is given, and marks a tail that does not fit', () => {
  const svg = barChart({
    title: 'a < b',
    subtitle: '',
    unit: 'ms',
    bars: [
      { label: 'ours & theirs', p50: 1, p99: 2, isOurs: true },
      { label: 'other', p50: 2, p99: 90 },
    ],
  });
  expect(svg).toContain('a &lt; b');
  expect(svg).toContain('ours &amp; theirs');
  expect(svg).toContain('p99 90.0 ms');
  expect(svg).toMatch(/l5 4l-5 4/);
  expect(svg.match(/<rect /g)).toHaveLength(2);
});

test.each([
  [0.9, 1],
  [1, 1],
  [1.1, 2],
  [3, 5],
  [70, 100],
])('an axis up to %f ends at %f', (value, end) => {
  expect(niceEnd(value)).toBe(end);
});
