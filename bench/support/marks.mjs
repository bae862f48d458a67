// Notes when this process passed a place, and tells its parent a little later, so that the telling is not measured.
import { now } from './clock.mjs';

/** @type {[string, string][]} */
let marks = [];

/** @param {string} name */
export function mark(name) {
  if (marks.push([name, String(now())]) === 1) setTimeout(tell, 12);
}

function tell() {
  process.send?.({ type: 'marks', marks });
  marks = [];
}
