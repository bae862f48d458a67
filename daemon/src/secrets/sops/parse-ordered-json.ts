import {
  type ErrorCode,
  formatPointer,
  fromUtf8,
  HeadwaterError,
  maxJsonDepth,
} from '@headwater/schemas/protocol';
import { maxFileBytes } from '../../core/parse-config.ts';
import { NumberText, type OrderedArray, type OrderedObject, type OrderedValue } from './ordered-json.ts';

/**
 * Parses UTF-8 JSON and keeps what `JSON.parse` loses. At most 512 KiB, nested at most 64 deep.
 * @throws HeadwaterError `HW_FILE_TOO_LARGE`, `HW_JSON_*`; `details` has `offset` and `pointer`. No message quotes the text.
 */
export function parseOrderedJson(bytes: Uint8Array): OrderedValue {
  if (bytes.length > maxFileBytes) {
    throw new HeadwaterError('HW_FILE_TOO_LARGE', {
      message: `expected at most ${maxFileBytes} bytes, got ${bytes.length}`,
      hint: 'Split the file, or keep large data elsewhere.',
    });
  }
  return new Reader(fromUtf8(bytes)).document();
}

const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const literals: readonly (readonly [string, null | boolean])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class Reader {
  readonly #text: string;
  #at = 0;
  /** Keys and indexes down to the value being read. */
  readonly #path: (string | number)[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  document(): OrderedValue {
    if (this.#text.charCodeAt(0) === 0xfeff) {
      this.#fail(
        'HW_JSON_BOM',
        'the text begins with a byte order mark',
        'Save the file as UTF-8 without BOM.',
      );
    }
    this.#space();
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#expected('nothing more');
    return value;
  }

  #value(): OrderedValue {
    const char = this.#text[this.#at];
    if (char === '"') return this.#string();
    if (char === '{') return this.#object();
    if (char === '[') return this.#array();
    for (const [word, value] of literals) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    return this.#number();
  }

  #object(): OrderedObject {
    const members = new Map<string, OrderedValue>();
    if (this.#open('}')) return members;
    do {
      this.#space();
      const start = this.#at;
      if (this.#text[start] !== '"') this.#expected('a key in double quotes');
      const key = this.#string();
      this.#space();
      // Without its colon it may be a value, which no message may show.
      if (this.#text[this.#at] !== ':') this.#expected('":"');
      this.#path.push(key);
      if (members.has(key)) {
        this.#fail('HW_JSON_DUPLICATE_KEY', 'a key occurs twice', 'Remove one of the two.', start);
      }
      this.#at++;
      this.#space();
      members.set(key, this.#value());
      this.#path.pop();
    } while (this.#next('}'));
    return members;
  }

  #array(): OrderedArray {
    const items: OrderedValue[] = [];
    if (this.#open(']')) return items;
    do {
      this.#space();
      this.#path.push(items.length);
      items.push(this.#value());
      this.#path.pop();
    } while (this.#next(']'));
    return items;
  }

  /** Steps into a container. True when it is empty, and then out of it again. */
  #open(closer: string): boolean {
    if (this.#path.length >= maxJsonDepth) {
      this.#fail('HW_JSON_DEPTH', `nested deeper than ${maxJsonDepth} levels`, 'Flatten the document.');
    }
    this.#at++;
    this.#space();
    if (this.#text[this.#at] !== closer) return false;
    this.#at++;
    return true;
  }

  /** True when another member follows; false past the end of the container. */
  #next(closer: string): boolean {
    this.#space();
    const char = this.#text[this.#at];
    if (char !== ',' && char !== closer) this.#expected(`"," or "${closer}"`);
    this.#at++;
    return char === ',';
  }

  #string(): string {
    const start = this.#at;
    const text = this.#text;
    let isPlain = true;
    for (let at = start + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.#at = at + 1;
        return isPlain ? text.slice(start + 1, at) : this.#unescape(start, at + 1);
      }
      if (code < 0x20) this.#expected('an escape in place of a control character', at);
      if (code !== 0x5c) continue;
      isPlain = false;
      at++;
    }
    return this.#expected('the closing quote of a string', text.length);
  }

  #unescape(start: number, end: number): string {
    let value: string;
    try {
      value = JSON.parse(this.#text.slice(start, end)) as string;
    } catch {
      // The engine's error quotes the text, which may be a secret, so it is not kept as cause.
      return this.#expected('JSON escapes only', start);
    }
    if (/\p{Surrogate}/u.test(value)) {
      const hint = 'Write the whole character.';
      this.#fail('HW_JSON_NOT_UTF8', 'a string holds half of a surrogate pair', hint, start);
    }
    return value;
  }

  #number(): NumberText {
    numberToken.lastIndex = this.#at;
    const token = numberToken.exec(this.#text)?.[0];
    if (token === undefined) return this.#expected('a value');
    if (!Number.isFinite(Number(token))) {
      this.#fail(
        'HW_JSON_NUMBER',
        'a number is too large for a double',
        'Use a smaller number, or a string.',
      );
    }
    this.#at += token.length;
    return new NumberText(token);
  }

  #space(): void {
    const text = this.#text;
    for (
      let code = text.charCodeAt(this.#at);
      code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;
    )
      code = text.charCodeAt(++this.#at);
  }

  #expected(what: string, offset = this.#at): never {
    const hint = 'Look for a missing comma, quote or bracket; comments and trailing commas are not JSON.';
    this.#fail('HW_JSON_SYNTAX', `not JSON: expected ${what} at offset ${offset}`, hint, offset);
  }

  #fail(code: ErrorCode, message: string, hint: string, offset = this.#at): never {
    throw new HeadwaterError(code, {
      message,
      hint,
      details: { offset, pointer: formatPointer(this.#path) },
    });
  }
}
