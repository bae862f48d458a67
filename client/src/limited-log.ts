import type { ClientLog } from './options.ts';

/** The same trouble is logged once in this time; a flood of bad messages must not become a flood of lines. */
const quietMs = 10_000;
const maxKinds = 256;

/** A log that never throws and never floods: repeats of a message with the same code are counted and told with the next one. */
export function createLimitedLog(log: ClientLog | null): ClientLog {
  const seen = new Map<string, { until: number; suppressed: number }>();
  return (level, message, fields) => {
    if (log === null) return;
    const kind = `${message} ${String(fields.code ?? '')} ${String(fields.pointer ?? '')}`;
    const now = performance.now();
    const before = seen.get(kind);
    if (fields.code !== undefined && before && now < before.until) {
      before.suppressed += 1;
      return;
    }
    if (seen.size >= maxKinds) seen.clear();
    seen.set(kind, { until: now + quietMs, suppressed: 0 });
    const repeated = before?.suppressed ? { suppressed: before.suppressed } : {};
    try {
      log(level, message, { ...fields, ...repeated });
    } catch {
      // A logger that throws must not stop config; there is nowhere left to say so.
    }
  };
}
