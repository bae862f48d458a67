/** Random files under every rule: what is written is read back, and an edit changes what was edited. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editSopsFile } from './edit-sops-file.ts';
import { encryptSops } from './encrypt-sops.ts';
import { type OpenedSops, openSopsFile } from './open-sops-file.ts';
import {
  isOrderedArray,
  isOrderedObject,
  NumberText,
  type OrderedObject,
  type OrderedValue,
} from './ordered-json.ts';
import { parseSopsFile } from './parse-sops-file.ts';
import { printOrderedJson } from './print-ordered-json.ts';
import { rotateDataKey } from './recipients.ts';
import { scalarText } from './scalar.ts';
import { parseSealed } from './sealed-value.ts';
import { compileRule, type SelectionRule } from './selection-rule.ts';
import { setValues } from './set-values.ts';
import { identities, recipients } from './testing.ts';
import { eachLeaf } from './walk-leaves.ts';

const rules: readonly SelectionRule[] = [
  { kind: 'unencrypted_suffix', text: '_unencrypted' },
  { kind: 'encrypted_suffix', text: '_enc' },
  { kind: 'unencrypted_regex', text: '^(plain|_)' },
  { kind: 'encrypted_regex', text: '^(data|pin_enc)$' },
];
const modes = rules.flatMap((rule) => [false, true].map((macOnlyEncrypted) => ({ rule, macOnlyEncrypted })));

const now = new Date('2026-11-22T08:00:00Z');
const later = new Date('2026-11-22T09:30:00Z');
const keys = { identities: identities('A') };

const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => !value.startsWith('ENC['));
const key = fc.oneof(
  fc.constantFrom(
    '10',
    '2',
    '__proto__',
    'constructor',
    'a:b',
    '',
    'x_unencrypted',
    'data',
    'y_enc',
    'plain',
    '<&>',
  ),
  text,
);
const number = fc
  .oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .filter((value) => !Object.is(value, -0) && (!Number.isInteger(value) || Number.isSafeInteger(value)))
  .map((value) => new NumberText(JSON.stringify(value)));
const { object } = fc.letrec<{ value: OrderedValue; list: OrderedValue; object: OrderedObject }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc
    .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 6 })
    .map((members) => new Map(members)),
}));
/** Every rule encrypts at least one value: a file without any is refused. */
const tree = object.map((members): OrderedObject => {
  const copy = new Map<string, OrderedValue>([...members, ['pin_enc', '1234']]);
  copy.delete('sops');
  return copy;
});

describe.each(modes)('$rule.kind, MAC over encrypted values only: $macOnlyEncrypted', (mode) => {
  test('what is written is read back, and stays encrypted in between', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (values) => {
        const bytes = await encryptSops(values, [recipients.A], { now, ...mode });
        using opened = await openSopsFile(parseSopsFile(bytes), keys);
        expect(canonical(opened.tree)).toBe(canonical(values));
        const sealed = sealedIn(opened.file.tree);
        expect(sealed).toHaveLength(selectedIn(values, mode.rule));
        expect(new Set(sealed.map(({ iv }) => iv)).size).toBe(sealed.length);
        // Once more through a new data key.
        using rotated = await openSopsFile(parseSopsFile(await rotateDataKey(opened, { now: later })), keys);
        expect(canonical(rotated.tree)).toBe(canonical(values));
        expect(Buffer.from(rotated.dataKey).equals(opened.dataKey)).toBe(false);
      }),
      { numRuns: 25 },
    );
  });

  test('an edit changes the edited line, lastmodified and mac; a removal takes its lines away', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.nat(), async (values, pick) => {
        using opened = await make(values, mode);
        const before = linesOf(opened.file.bytes);
        const pointers = [...opened.values.keys()];
        const pointer = pointers[pick % pointers.length] as string;
        const next = setValues(opened.tree, new Map([[pointer, `${opened.values.get(pointer)} edited`]]));
        const bytes = editSopsFile(opened, next, { now: later });
        const after = linesOf(bytes);
        expect(after).toHaveLength(before.length);
        const changed = after.filter((line, i) => line !== before[i]);
        expect(changed).toHaveLength(3);
        expect(changed.slice(1).map((line) => line.trim().split(':')[0])).toEqual([
          '"lastmodified"',
          '"mac"',
        ]);
        using again = await openSopsFile(parseSopsFile(bytes), keys);
        expect(canonical(again.tree)).toBe(canonical(next));
        // A changed value never keeps its IV.
        const known = new Set(sealedIn(opened.file.tree).map(({ iv }) => iv));
        const fresh = sealedIn(again.file.tree).filter(({ iv }) => !known.has(iv));
        expect(fresh.length).toBe(changed[0]?.includes('ENC[') ? 1 : 0);

        const removed = setValues(opened.tree, new Map([[pointer, null]]));
        if (removed.has('pin_enc')) {
          const rest = linesOf(editSopsFile(opened, removed, { now: later })).map(withoutComma);
          const old = new Set(before.map(withoutComma));
          // A container that became empty is written on one line.
          const added = rest.filter((line) => !old.has(line) && !/(\{\}|\[\])$/.test(line));
          expect(added.map((line) => line.trim().split(':')[0])).toEqual(['"lastmodified"', '"mac"']);
        }
      }),
      { numRuns: 25 },
    );
  });
});

test('equal values in one list keep their own ciphertext through an edit, so that nobody sees that they are equal', async () => {
  const values = new Map([['list', ['same', 'same', 'same']]]);
  using opened = await make(values, modes[0] as (typeof modes)[number]);
  const next = setValues(opened.tree, new Map([['/list/-', 'same']]));
  const sealed = sealedIn(parseSopsFile(editSopsFile(opened, next, { now: later })).tree);
  expect(new Set(sealed.map(({ iv }) => iv)).size).toBe(4);
});

async function make(values: OrderedObject, mode: (typeof modes)[number]): Promise<OpenedSops> {
  return openSopsFile(parseSopsFile(await encryptSops(values, [recipients.A], { now, ...mode })), keys);
}

/** Numbers in the form that SOPS keeps of them. */
function canonical(value: OrderedValue): string {
  const number = (child: OrderedValue): OrderedValue => {
    if (child instanceof NumberText) return new NumberText(scalarText(child).text);
    if (isOrderedArray(child)) return child.map(number);
    return isOrderedObject(child) ? new Map([...child].map(([name, inner]) => [name, number(inner)])) : child;
  };
  return printOrderedJson(number(value));
}

/** How many values the rule encrypts; SOPS leaves the empty string as it is. */
function selectedIn(values: OrderedObject, rule: SelectionRule): number {
  let count = 0;
  eachLeaf(values, compileRule(rule), (value, { isEncrypted }) => {
    if (isEncrypted && value !== '') count++;
  });
  return count;
}

function sealedIn(value: OrderedValue): { readonly iv: string }[] {
  if (isOrderedArray(value)) return value.flatMap(sealedIn);
  if (isOrderedObject(value)) return [...value.values()].flatMap(sealedIn);
  const sealed = typeof value === 'string' ? parseSealed(value) : 'plain';
  return typeof sealed === 'string' ? [] : [sealed];
}

const linesOf = (bytes: Uint8Array): string[] => Buffer.from(bytes).toString('utf8').split('\n');
const withoutComma = (line: string): string => line.replace(/,$/, '');
