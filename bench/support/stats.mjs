// Percentiles and text tables: everything that turns samples into numbers that people read.

/**
 * @typedef {{ count: number, min: number, p50: number, p90: number, p99: number, max: number }} Summary
 */

/**
 * The value below which `share` of the samples lie, by the nearest rank: always one that was really measured.
 * @param {readonly number[]} sorted ascending
 * @param {number} share from 0 to 1
 */
export function percentile(sorted, share) {
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1];
}

/**
 * @param {readonly number[]} samples in any order
 * @returns {Summary}
 */
export function summarize(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    count: sorted.length,
    min: percentile(sorted, 0),
    p50: percentile(sorted, 0.5),
    p90: percentile(sorted, 0.9),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
  };
}

/**
 * Three significant digits, with the unit: "0.734 ms", "12.3 ns", "1,240 ms".
 * @param {number | null | undefined} value
 * @param {string} unit
 */
export function quantity(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return unit === '' ? text : `${text} ${unit}`;
}

/**
 * A Markdown table whose columns line up, so that it reads the same in a terminal.
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function table(head, rows) {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
