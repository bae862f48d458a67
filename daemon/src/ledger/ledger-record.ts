/**
 * `epochs.json`: what the ledger holds. Read as strictly as a message, because a daemon without any other memory believes it.
 *
 *     {"deployment": "tars", "era": 2, "start": {"seq": 41, "commit": "…"}, "published": {"prod": {"seq": 43, "commit": "…"}}}
 */
import {
  COMMIT_PATTERN,
  HeadwaterError,
  isHeadwaterError,
  isName,
  isObject,
  type JsonValue,
  parseJsonBytes,
  utf8,
} from '@headwater/schemas/protocol';
import type { LedgerPlace, LedgerRecord } from '../ports.ts';

/** Largest `epochs.json`, in bytes: some thousand environments. */
export const maxLedgerBytes = 256 * 1024;

/** Record -> bytes: equal records have equal bytes. */
export function encodeLedger(record: LedgerRecord): Uint8Array {
  const { deployment, era, start, published } = record;
  const names = [...published.keys()].sort();
  const places = Object.fromEntries(names.map((env) => [env, placeOf(published.get(env) as LedgerPlace)]));
  const document = { deployment, era, start: placeOf(start), published: places };
  return utf8(`${JSON.stringify(document, null, 2)}\n`);
}

/** Bytes -> record. @throws HeadwaterError `HW_LEDGER_INVALID`. */
export function parseLedger(bytes: Uint8Array): LedgerRecord {
  const { deployment, era, start, published } = fieldsOf(readJson(bytes), 'it', [
    'deployment',
    'era',
    'start',
    'published',
  ]);
  if (typeof deployment !== 'string' || !isName(deployment)) throw ledgerInvalid('its deployment is no name');
  if (!isCount(era)) throw ledgerInvalid('its era is no whole number above 0');
  if (!isObject(published)) throw ledgerInvalid('what it calls published is no object');
  const places = new Map<string, LedgerPlace>();
  for (const [env, place] of Object.entries(published)) {
    if (!isName(env)) throw ledgerInvalid('it names an environment that cannot exist');
    places.set(env, parsePlace(place, `published.${env}`));
  }
  return { deployment, era, start: parsePlace(start, 'start'), published: places };
}

export function ledgerInvalid(
  reason: string,
  details: Readonly<Record<string, unknown>> = {},
): HeadwaterError {
  return new HeadwaterError('HW_LEDGER_INVALID', {
    message: `the record of what was published cannot be used: ${reason}`,
    hint: 'Find who writes to refs/headwater/epochs and put it back, or start a new era: headwater epoch accept-rewrite.',
    details,
  });
}

function readJson(bytes: Uint8Array): JsonValue {
  try {
    return parseJsonBytes(bytes);
  } catch (error) {
    if (!isHeadwaterError(error)) throw error;
    throw ledgerInvalid(error.message);
  }
}

/** Exactly these fields: a newer version that says more may mean something else by the rest, too. */
function fieldsOf(value: JsonValue, what: string, names: readonly string[]): Record<string, JsonValue> {
  if (!isObject(value)) throw ledgerInvalid(`${what} is no object`);
  const found = Object.keys(value).sort();
  if (found.join() !== [...names].sort().join())
    throw ledgerInvalid(`${what} must have the fields ${names.join(', ')} and no others`);
  return value;
}

function parsePlace(value: JsonValue | undefined, what: string): LedgerPlace {
  const { seq, commit } = fieldsOf(value ?? null, what, ['seq', 'commit']);
  if (!isCount(seq)) throw ledgerInvalid(`${what}.seq is no whole number above 0`);
  if (typeof commit !== 'string' || !COMMIT_PATTERN.test(commit))
    throw ledgerInvalid(`${what}.commit is no full commit id`);
  return { commit, seq };
}

const placeOf = ({ seq, commit }: LedgerPlace) => ({ seq, commit });

const isCount = (value: JsonValue | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
