import { eachSetting, type JsonObject, readSettings, type Setting } from '@headwater/schemas/protocol';
import { checkValue } from '../lenient-check.ts';
import type { OpenedSecrets } from './opened-secrets.ts';

/**
 * What opened secrets have against the schema that the service was built with, "/pointer: expected …", or `null`. Here and nowhere
 * else are they checked: config is judged without them. The schema is read when there is a first secret to check.
 */
export function createSecretsCheck(schema: JsonObject | null): (opened: OpenedSecrets) => string | null {
  let settings: readonly Setting[] | null = null;
  return (opened) => {
    if (schema === null || opened.state !== 'open') return null;
    settings ??= [...eachSetting(readSettings(schema))].filter(({ annotations }) => annotations.secret);
    for (const setting of settings) {
      const value = opened.values.get(setting.pointer);
      const problem = value === undefined ? null : checkValue(value, setting, schema);
      if (problem !== null) return problem;
    }
    return null;
  };
}
