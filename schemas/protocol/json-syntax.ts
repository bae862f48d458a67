/** A place where text stops being JSON, and what could have stood there. */
export interface SyntaxFault {
  /** UTF-16 units into the text. */
  readonly offset: number;
  readonly expected: string;
}

type Expect = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or end' | 'end';

/**
 * First fault of text that `JSON.parse` refused. The engine's own message will not do: it quotes the text, which may hold a
 * secret, often names no position, and differs between engines. One pass, no recursion.
 */
export function findSyntaxFault(text: string): SyntaxFault {
  const closers: string[] = [];
  let expect: Expect = 'value';
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const char = text[at] as string;
    if ((expect === 'key' || expect === 'key or }') && char === '"') {
      const end = endOfString(text, at);
      if (typeof end !== 'number') return end;
      at = end;
      expect = 'colon';
    } else if (expect === 'colon' && char === ':') {
      at++;
      expect = 'value';
    } else if (expect === 'comma or end' && char === ',') {
      at++;
      expect = closers.at(-1) === '}' ? 'key' : 'value';
    } else if (mayClose(expect) && char === closers.at(-1)) {
      closers.pop();
      at++;
      expect = closers.length === 0 ? 'end' : 'comma or end';
    } else if (expect === 'value' || expect === 'value or ]') {
      if (char === '{' || char === '[') {
        closers.push(char === '{' ? '}' : ']');
        at++;
        expect = char === '{' ? 'key or }' : 'value or ]';
      } else {
        const end = endOfScalar(text, at);
        if (typeof end !== 'number') return end;
        at = end;
        expect = closers.length === 0 ? 'end' : 'comma or end';
      }
    } else return { offset: at, expected: describe(expect, closers) };
    at = skipSpace(text, at);
  }
  return { offset: text.length, expected: describe(expect, closers) };
}

const mayClose = (expect: Expect): boolean =>
  expect === 'value or ]' || expect === 'key or }' || expect === 'comma or end';

function describe(expect: Expect, closers: readonly string[]): string {
  switch (expect) {
    case 'value':
      return 'a value';
    case 'value or ]':
      return 'a value or "]"';
    case 'key':
      return 'a key in double quotes';
    case 'key or }':
      return 'a key in double quotes or "}"';
    case 'colon':
      return '":"';
    case 'comma or end':
      return `"," or "${closers.at(-1)}"`;
    case 'end':
      return 'nothing more';
  }
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at++;
  return at;
}

function endOfScalar(text: string, start: number): number | SyntaxFault {
  if (text[start] === '"') return endOfString(text, start);
  for (const word of ['true', 'false', 'null']) if (text.startsWith(word, start)) return start + word.length;
  const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  number.lastIndex = start;
  return number.test(text) ? number.lastIndex : { offset: start, expected: 'a value' };
}

function endOfString(text: string, start: number): number | SyntaxFault {
  let at = start + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return { offset: at, expected: 'an escape such as \\n in place of a control character' };
    if (code !== 0x5c) continue;
    const sequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
    sequence.lastIndex = at;
    if (!sequence.test(text)) return { offset: at, expected: 'a JSON escape' };
    at = sequence.lastIndex - 1;
  }
  return { offset: text.length, expected: 'the closing quote of a string' };
}
