// A bar chart as SVG: one bar per thing that was measured, a whisker up to its 99th percentile. Reads on light and dark pages.
import { quantity } from './stats.mjs';

/**
 * @typedef {{ label: string, p50: number, p99: number, isOurs?: boolean }} Bar
 */

const width = 760;
const labelWidth = 270;
const valueWidth = 150;
const rowHeight = 34;
const top = 64;

/**
 * @param {{ title: string, subtitle: string, unit: string, bars: readonly Bar[] }} chart
 * @returns {string} an SVG document
 */
export function barChart({ title, subtitle, unit, bars }) {
  const height = top + bars.length * rowHeight + 34;
  const room = width - labelWidth - valueWidth;
  // A tail five times longer than any bar would press the bars together; its end is told in words.
  const most = Math.max(...bars.map((bar) => bar.p50));
  const end = niceEnd(Math.min(Math.max(...bars.map((bar) => bar.p99)), 2.5 * most));
  const x = (value) => labelWidth + (Math.min(value, end) / end) * room;
  const rows = bars.map((bar, i) => row(bar, top + i * rowHeight, x, end, unit));
  const axis = [0, end / 2, end].map((value) => tick(value, x(value), top + bars.length * rowHeight, unit));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(describe(title, bars, unit))}">
<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .quiet { fill: #57606a; font-size: 12px }
  .bar { fill: #8c959f } .ours { fill: #0969da }
  .line { stroke: #57606a; stroke-width: 1.5; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .quiet { fill: #8d96a0 } .bar { fill: #6e7681 } .ours { fill: #4493f8 } .line { stroke: #8d96a0 }
  }
</style>
<text class="title" x="8" y="24">${escapeXml(title)}</text>
<text class="quiet" x="8" y="44">${escapeXml(subtitle)}</text>
${rows.join('\n')}
${axis.join('\n')}
</svg>
`;
}

function row({ label, p50, p99, isOurs = false }, y, x, end, unit) {
  const middle = y + rowHeight / 2;
  const whisker = x(p99);
  const cap = p99 > end ? `M${whisker - 5} ${middle - 4}l5 4l-5 4` : `M${whisker} ${middle - 4}v8`;
  const rounded = (value) => value.toFixed(1);
  return `<text x="8" y="${middle + 4}"${isOurs ? ' font-weight="600"' : ''}>${escapeXml(label)}</text>
<rect class="bar${isOurs ? ' ours' : ''}" x="${labelWidth}" y="${y + 8}" width="${rounded(x(p50) - labelWidth)}" height="${rowHeight - 16}" rx="2"/>
<path class="line" d="M${rounded(x(p50))} ${middle}H${rounded(whisker)}${cap}"/>
<text x="${width - valueWidth + 12}" y="${middle + 4}">${quantity(p50, unit)}<tspan class="quiet"> p99 ${quantity(p99, unit)}</tspan></text>`;
}

function tick(value, x, y, unit) {
  return `<text class="quiet" x="${x.toFixed(1)}" y="${y + 20}" text-anchor="middle">${value === 0 ? '0' : quantity(value, unit)}</text>`;
}

/** The next of 1, 2, 5, 10, … above a value. @param {number} value */
export function niceEnd(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value * 0.999) ?? 10) * power;
}

const describe = (title, bars, unit) =>
  `${title}: ${bars.map(({ label, p50 }) => `${label} ${quantity(p50, unit)}`).join(', ')}`;

const escapeXml = (text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
