/** Which changes a running program cannot take: settings marked `x-hw.apply: restart`. */
import { type JsonObject, readSettings, type Setting } from '@headwater/schemas/protocol';

/** Says of a changed pointer which setting must wait for a restart, or `null` when it takes effect at once. */
export type ApplyRules = (pointer: string) => string | null;

/**
 * @param schemas In order of precedence. A setting in none of them counts as `restart`: nothing says that it is safe. Without any
 * schema nothing is known, and everything is hot.
 */
export function applyRules(schemas: readonly JsonObject[]): ApplyRules {
  const trees = schemas.map((schema) => readSettings(schema));
  return (pointer) => {
    if (trees.length === 0) return null;
    for (const settings of trees) {
      const path = pathTo(settings, pointer);
      if (path.length === 0) continue;
      const restart = path.find((setting) => setting.annotations.apply === 'restart');
      return restart ? (path.at(-1) as Setting).pointer : null;
    }
    return pointer;
  };
}

/** The settings on the way to a pointer, outermost first. */
function pathTo(settings: readonly Setting[], pointer: string): Setting[] {
  const path: Setting[] = [];
  let level = settings;
  for (;;) {
    const next = level.find((one) => pointer === one.pointer || pointer.startsWith(`${one.pointer}/`));
    if (!next) return path;
    path.push(next);
    level = next.children;
  }
}
