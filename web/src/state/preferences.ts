/** What the editor remembers of a person in this browser. Never config, never a secret. Without storage it simply forgets. */
const prefix = 'headwater-';

export function readPreference(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name);
  } catch {
    return null; // Storage is switched off.
  }
}

/** `null` forgets. */
export function writePreference(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(prefix + name);
    else localStorage.setItem(prefix + name, value);
  } catch {
    // Storage is switched off or full: the choice lasts as long as the page.
  }
}
