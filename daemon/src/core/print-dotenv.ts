import { eachSetting, type JsonObject, readSettings, valueAt } from '@headwater/schemas/protocol';

/**
 * Values as `NAME=value` lines: of settings that name a variable (`x-hw.env`), and never of secrets. Texts that a shell or a reader of
 * such files would take for something else stand in quotes; lists and objects as JSON.
 */
export function printDotenv(config: JsonObject, schema: JsonObject): string {
  const lines: string[] = [];
  for (const { pointer, annotations } of eachSetting(readSettings(schema))) {
    if (annotations.env === undefined || annotations.secret) continue;
    const value = valueAt(config, pointer);
    // Absent and null are the same to a program that reads variables: not set.
    if (value === undefined || value === null) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    lines.push(`${annotations.env}=${/^[\w./:@%+,-]*$/.test(text) ? text : quoted(text)}\n`);
  }
  return lines.join('');
}

function quoted(text: string): string {
  return `"${text
    .replace(/[\\"$`]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')}"`;
}
