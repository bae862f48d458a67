/** The `x-hw` annotations of a schema: form, and what they may be put on. */
import {
  eachSetting,
  formatPointer,
  isName,
  isObject,
  type JsonObject,
  type JsonValue,
  parsePointer,
  readSettings,
  type Setting,
  valueAt,
} from '@headwater/schemas/protocol';
import { resolveRef, schemaPointerOf } from './schema-expansion.ts';
import { invalid, isError, type SchemaProblem } from './schema-problem.ts';
import { eachSchema, type PlacedSchema } from './schema-walk.ts';
import { didYouMean } from './suggest.ts';

type Test = (value: JsonValue) => boolean;
const text: Test = (value) => typeof value === 'string';
const flag: Test = (value) => typeof value === 'boolean';
const texts: Test = (value) => Array.isArray(value) && value.every(text);
const oneOf =
  (...allowed: string[]): Test =>
  (value) =>
    typeof value === 'string' && allowed.includes(value);

/** Field → what it must be, in words and as a test. */
type Fields = ReadonlyMap<string, readonly [words: string, test: Test]>;

const settingFields: Fields = new Map([
  ['level', ['"simple" or "advanced"', oneOf('simple', 'advanced')]],
  ['secret', ['true or false', flag]],
  ['apply', ['"hot" or "restart"', oneOf('hot', 'restart')]],
  [
    'env',
    [
      'the name of an environment variable',
      (value) => typeof value === 'string' && /^[A-Za-z_]\w*$/.test(value),
    ],
  ],
  ['unit', ['text', text]],
  ['group', ['text', text]],
  ['order', ['a number', (value) => typeof value === 'number']],
  ['help', ['text', text]],
  ['shared', ['true or false', flag]],
  ['mergeKey', ['the name of a member of the items', text]],
  ['path', ['true or false', flag]],
  ['text', ['true or false', flag]],
  ['relates', ['a list of "<service>#<pointer>"', texts]],
]);
const rootFields: Fields = new Map([
  ['owner', ['text', text]],
  ['tags', ['a list of texts', texts]],
  [
    'environments',
    [
      'a list of environments',
      (value) =>
        Array.isArray(value) &&
        value.length > 0 &&
        value.every((item) => typeof item === 'string' && isName(item)),
    ],
  ],
  ['dependsOn', ['a list of services', texts]],
  ['rules', ['a list of at most 100 rules', (value) => Array.isArray(value) && value.length <= 100]],
]);

/** Problems of all annotations. The document has passed `checkExpansion`, and its references lead somewhere. */
export function checkAnnotations(document: JsonObject, placed: readonly PlacedSchema[]): SchemaProblem[] {
  const settings = [...eachSetting(readSettings(document))];
  const forms = placed.flatMap(({ pointer, schema }) => {
    const fields = pointer === '' ? rootFields : settingFields;
    return isObject(schema) ? checkForm(schema['x-hw'], `${pointer}/x-hw`, fields) : [];
  });
  if (forms.some(isError)) return forms;
  return [
    ...forms,
    ...checkSecrets(document, settings),
    ...hiddenSecrets(document, placed),
    ...checkRules(document, settings),
  ];
}

function checkForm(annotation: JsonValue | undefined, pointer: string, fields: Fields): SchemaProblem[] {
  if (annotation === undefined) return [];
  if (!isObject(annotation))
    return [invalid(pointer, '"x-hw" is an object', 'Write "x-hw": { "level": "simple" }.')];
  return Object.entries(annotation).flatMap(([name, value]): SchemaProblem[] => {
    const place = pointer + formatPointer([name]);
    const field = fields.get(name);
    if (field === undefined) {
      const message = `${JSON.stringify(name.slice(0, 80))} is no annotation here and has no effect`;
      const hint = didYouMean(name, fields.keys(), `Known here: ${[...fields.keys()].join(', ')}.`);
      return [{ ...invalid(place, message, hint), severity: 'warning' }];
    }
    return field[1](value) ? [] : [invalid(place, `expected ${field[0]}`, 'Correct the annotation.')];
  });
}

function checkSecrets(document: JsonObject, settings: readonly Setting[]): SchemaProblem[] {
  return settings
    .filter(({ annotations }) => annotations.secret)
    .flatMap((secret) => {
      const place = schemaPointerOf(document, secret.pointer);
      const problems: SchemaProblem[] = [];
      if (!secret.schemas.some(({ type }) => type === 'string')) {
        problems.push(
          invalid(`${place}/type`, `the secret ${secret.pointer} must be text`, 'Write "type": "string".'),
        );
      }
      if (hasDefault(document, settings, secret)) {
        problems.push({
          severity: 'error',
          code: 'HW_SCHEMA_SECRET_DEFAULT',
          pointer: `${place}/default`,
          message: `the secret ${secret.pointer} has a default, which everybody can read`,
          hint: 'Remove it, set the secret in a secrets file, and treat the old value as known to others.',
        });
      }
      return problems;
    });
}

/** Its own default, or one inside the default of an object around it. */
function hasDefault(document: JsonObject, settings: readonly Setting[], secret: Setting): boolean {
  if (secret.schemas.some((schema) => Object.hasOwn(schema, 'default'))) return true;
  if (valueAt(document.default, secret.pointer) !== undefined) return true;
  return settings.some(
    ({ pointer, schemas }) =>
      secret.pointer.startsWith(`${pointer}/`) &&
      schemas.some((schema) => valueAt(schema.default, secret.pointer.slice(pointer.length)) !== undefined),
  );
}

/** Keywords on the way to a setting; below any other one a secret would not be recognised, and would be published. */
const settingWay: ReadonlySet<string | null> = new Set([null, 'properties', 'allOf', '$defs', 'definitions']);

function hiddenSecrets(document: JsonObject, placed: readonly PlacedSchema[]): SchemaProblem[] {
  const problems: SchemaProblem[] = [];
  const seen = new Set<JsonValue>();
  const waiting = placed.filter(({ keyword }) => !settingWay.has(keyword));
  for (let start = waiting.pop(); start !== undefined; start = waiting.pop()) {
    if (!isObject(start.schema) || seen.has(start.schema)) continue;
    for (const { pointer, schema } of eachSchema(start.schema, start.pointer)) {
      if (!isObject(schema) || seen.has(schema)) continue;
      seen.add(schema);
      if (isObject(schema['x-hw']) && schema['x-hw'].secret === true) {
        const hint =
          'Secrets are settings of their own: below "properties", not inside lists, alternatives or conditions.';
        problems.push(invalid(`${pointer}/x-hw/secret`, 'a secret cannot be recognised here', hint));
      }
      const target = typeof schema.$ref === 'string' ? resolveRef(document, schema.$ref) : undefined;
      if (target !== undefined) waiting.push({ pointer, schema: target, keyword: '$ref' });
    }
  }
  return problems;
}

function checkRules(document: JsonObject, settings: readonly Setting[]): SchemaProblem[] {
  const annotation = document['x-hw'];
  const rules =
    isObject(annotation) && Array.isArray(annotation.rules) ? (annotation.rules as JsonValue[]) : [];
  const pointers = new Set(settings.map(({ pointer }) => pointer));
  return rules.flatMap((rule, index): SchemaProblem[] => {
    const place = `/x-hw/rules/${index}`;
    const known = isObject(rule) && Object.keys(rule).every((key) => key === 'le' || key === 'message');
    const le = isObject(rule) && Array.isArray(rule.le) ? (rule.le as JsonValue[]) : [];
    if (!known || le.length !== 2 || !isObject(rule) || typeof rule.message !== 'string') {
      return [
        invalid(
          place,
          'not a rule',
          'Write { "le": ["/low", "/high"], "message": "…" }: low must not be larger than high.',
        ),
      ];
    }
    return le.flatMap((pointer, side): SchemaProblem[] => {
      if (typeof pointer === 'string' && isPointer(pointer) && pointers.has(pointer)) return [];
      const hint = didYouMean(String(pointer), pointers, 'Name two settings of this schema.');
      return [
        invalid(`${place}/le/${side}`, `${JSON.stringify(pointer)} is not a setting of this schema`, hint),
      ];
    });
  });
}

function isPointer(pointer: string): boolean {
  return /^(\/([^~]|~[01])*)?$/.test(pointer) && parsePointer(pointer).length > 0;
}
