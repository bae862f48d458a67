/** The one gate in front of every log line: whatever a caller puts into a message or a field, secrets do not pass. */

const hidden = '[redacted]';

/** Field names that hold a secret whatever their value looks like; `tokenId`, `adminTokenFile` and `secretRev` do not match. */
const secretField =
  /(?:token|secret|secrets|password|passwd|passphrase|seed|authorization|cookie|private_?key|api_?key|hmac|identity)$/i;

const patterns: readonly (readonly [RegExp, string])[] = [
  [/hw_([a-z0-9]{12})_[A-Za-z0-9]{8,}/g, `hw_$1_${hidden}`],
  [/AGE-SECRET-KEY-[A-Z0-9-]+/gi, `AGE-SECRET-KEY-${hidden}`],
  [
    /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    `${hidden} $1PRIVATE KEY`,
  ],
  [/\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi, `$1 ${hidden}`],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, `$1${hidden}@`],
];

/** Text without tokens, private keys, `Authorization` values and passwords in URLs. */
export function redactText(text: string): string {
  return patterns.reduce((clean, [pattern, by]) => clean.replace(pattern, by), text);
}

/** A copy of a JSON value without secrets: by field name, and in every string whatever its field. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  if (isBytes(value)) return '[bytes]';
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const isSecret = secretField.test(key) && item !== null && typeof item !== 'boolean';
      return [redactText(key), isSecret ? hidden : redact(item)];
    }),
  );
}

/** Bytes as JSON shows them: `{"type":"Buffer","data":[…]}` or `{"0":17,"1":4,…}`. */
function isBytes(value: object): boolean {
  if ('type' in value && value.type === 'Buffer') return true;
  return '0' in value && typeof value[0] === 'number' && Object.keys(value).every((key) => /^\d+$/.test(key));
}
