/** One thing that doctor looked at. */
export interface Check {
  readonly name: string;
  readonly status: 'ok' | 'problem' | 'skip';
  readonly message: string;
  /** For a problem: what to do. */
  readonly hint?: string;
}

export const ok = (name: string, message: string): Check => ({ name, status: 'ok', message });
export const skip = (name: string, message: string): Check => ({ name, status: 'skip', message });
export const problem = (name: string, message: string, hint: string): Check => ({
  name,
  status: 'problem',
  message,
  hint,
});

/** Runs one check; what it throws is the problem that it found. */
export async function attempt(name: string, run: () => Promise<Check>): Promise<Check> {
  try {
    return await run();
  } catch (error) {
    const { message, hint } = error as { readonly message?: string; readonly hint?: string };
    return problem(name, message ?? String(error), hint ?? 'Run it again with HEADWATER_DEBUG=1.');
  }
}

/** "4 min": how long ago, for people. */
export function describeAge(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const;
  const [unit, size] = units.find(([, length]) => ms >= length) ?? ['s', 1000];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}
