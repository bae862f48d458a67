/**
 * Puts secrets into a config document as settings that can be read and not be printed (docs/decisions/0009-secrets-read-and-not-shown.md).
 * `config.api_key` is the plain string. The property is not enumerable, so spreading, cloning and listing leave it out, and JSON and
 * inspection go through `toJSON` and `util.inspect.custom`, which say `[secret]` in its place.
 */
import { isObject, type JsonObject, type JsonValue, parsePointer } from '@headwater/schemas/protocol';
import type { SecretSlot } from './secret-slot.ts';

/** By the JSON Pointer of their place. */
export type SecretSlots = ReadonlyMap<string, SecretSlot>;

const noSlots: SecretSlots = new Map();
/** Slots of a whole document by its root object. */
const slotsOfRoot = new WeakMap<object, SecretSlots>();

/** Every secret of a document that `attachSecrets` made, by JSON Pointer. */
export function slotsOf(document: object): SecretSlots {
  return slotsOfRoot.get(document) ?? noSlots;
}

/**
 * A copy of the document with these secrets. Objects on the way to a value are made where they are missing; one on the way to an
 * unavailable secret is not, and neither finds a place below something that is no object.
 */
export function attachSecrets(document: JsonObject, slots: SecretSlots): JsonObject {
  if (slots.size === 0) return document;
  const branch: Branch = { slots: new Map(), below: new Map() };
  for (const [place, slot] of slots) grow(branch, parsePointer(place), slot);
  const whole = withBranch(document, branch);
  slotsOfRoot.set(whole, slots);
  return whole;
}

/** The secrets of one object, and those further below by the name of the object on the way. */
interface Branch {
  readonly slots: Map<string, SecretSlot>;
  readonly below: Map<string, Branch>;
}

function grow(branch: Branch, [name, ...rest]: readonly string[], slot: SecretSlot): void {
  if (name === undefined) return;
  if (rest.length === 0) {
    branch.slots.set(name, slot);
    return;
  }
  const below = branch.below.get(name) ?? { slots: new Map(), below: new Map() };
  branch.below.set(name, below);
  grow(below, rest, slot);
}

function withBranch(object: JsonObject, { slots, below }: Branch): JsonObject {
  const copy: Record<string, JsonValue> = { ...object };
  for (const [name, branch] of below) {
    const found = Object.hasOwn(copy, name) ? copy[name] : undefined;
    if (isObject(found)) copy[name] = withBranch(found, branch);
    else if (found === undefined && hasValue(branch)) copy[name] = withBranch({}, branch);
  }
  if (slots.size === 0) return copy;
  for (const name of slots.keys()) {
    if (Object.hasOwn(copy, name)) delete copy[name]; // a plain value in its place would be printed
    Object.defineProperty(copy, name, { get: getterOf(name), enumerable: false });
  }
  for (const [key, value] of [
    [table, new SlotTable(slots)],
    [inspectKey, inspectShown],
    ...(Object.hasOwn(copy, 'toJSON') ? [] : [['toJSON', shownObject] as const]),
  ] as const)
    Object.defineProperty(copy, key, { value, enumerable: false });
  return copy;
}

function hasValue({ slots, below }: Branch): boolean {
  return [...slots.values()].some(({ problem }) => problem === null) || [...below.values()].some(hasValue);
}

/** Where an object keeps its secrets: a property, so that they are found through a proxy or an heir as well. */
const table: unique symbol = Symbol('headwater.secrets');
const inspectKey = Symbol.for('nodejs.util.inspect.custom');

interface WithTable {
  readonly [table]: SlotTable;
}

/** Private, so that even an inspection of everything hidden shows nothing. */
class SlotTable {
  readonly #slots: ReadonlyMap<string, SecretSlot>;

  constructor(slots: ReadonlyMap<string, SecretSlot>) {
    this.#slots = slots;
  }

  read(name: string): string | undefined {
    return this.#slots.get(name)?.read();
  }

  get shown(): Record<string, string> {
    return Object.fromEntries([...this.#slots].map(([name, slot]) => [name, slot.shown]));
  }
}

/** One getter per name for all documents: with one of its own each, every change would cost V8 the fast shape of the document. */
const getters = new Map<string, () => string | undefined>();

function getterOf(name: string): () => string | undefined {
  const known = getters.get(name);
  if (known) return known;
  const getter = function (this: WithTable) {
    return this[table].read(name);
  };
  getters.set(name, getter);
  return getter;
}

function shownObject(this: WithTable): object {
  return { ...this, ...this[table].shown };
}

function inspectShown(
  this: WithTable,
  depth: number,
  options: object,
  inspect: (value: unknown, options: object) => string,
): string {
  return inspect(shownObject.call(this), { ...options, depth });
}
