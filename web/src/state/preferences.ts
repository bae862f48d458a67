/** What the editor remembers of a person in this browser. Never config, never a secret. Without storage it simply forgets. */
const prefix = 'headwater-';

/** Its key in the browser's storage. */
export const preferenceOf = (name: string): string => prefix + name;

export function readPreference(name: string): string | null {
  try {
    return localStorage.getItem(preferenceOf(name));
  } catch {
    return null; // Storage is switched off.
  }
}

/** `null` forgets. */
export function writePreference(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(preferenceOf(name));
    else localStorage.setItem(preferenceOf(name), value);
  } catch {
    // Storage is switched off or full: the choice lasts as long as the page.
  }
}
