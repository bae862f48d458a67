/** digests.json: RFC 8785 forms and their SHA-256; json.json: texts that a strict reader accepts or refuses. */
import { digestOf, isHeadwaterError, parseJson, parseJsonBytes, utf8 } from '@headwater/schemas/protocol';
import { nodeCrypto } from '@headwater/schemas/protocol/node';
import canonicalize from 'canonicalize';
import { base64 } from './world.mjs';

/** RFC 8785 appendix B: bits of a double and its form. Not every one is accepted as config: see json.json. */
const numbers = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
];

const documents = [
  ['empty object', '{}'],
  ['empty list', '[]'],
  ['keys sorted, white space gone', '{ "b" : [ 1 , 2 ] ,\n "a" : { "d" : null , "c" : true } }'],
  ['keys sorted by UTF-16 code units', '{"\\ufb33":1,"\\ud83d\\ude00":2,"\\u20ac":3,"\\r":4,"1":5,"\\u0080":6,"\\u00f6":7,"":8}'],
  ['keys that look like numbers sort as text', '{"10":1,"9":2,"1":3}'],
  ['escapes: only what must be', '"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/\\u007f\\u2028"'],
  ['numbers in other writing', '[333333333.33333329,1E-7,4.50,2e-3,1.0,-0,0.000001,100e-2,1e15]'],
  ['safe integers', '[9007199254740991,-9007199254740991]'],
  ['names that objects inherit', '{"toString":1,"hasOwnProperty":{"valueOf":[]},"toJSON":"x"}'],
  ['composed and decomposed letters stay apart', '{"\\u00e9":1,"e\\u0301":2}'],
  ['a config', '{"whisper_model":"base.en","vad_threshold":0.5,"words":["tars","case"],"audio":{"rate":16000}}'],
];

export function makeDigests() {
  return {
    about: 'RFC 8785 form of a value, and its digest: "sha256:" and the SHA-256 of the form in UTF-8.',
    documents: documents.map(([name, text]) => {
      const value = parseJson(text);
      return { name, text, canonical: canonicalize(value), digest: digestOf(value, nodeCrypto) };
    }),
    numbers: numbers.map(([ieee754, canonical]) => ({ ieee754, canonical })),
  };
}

const texts = [
  ['an object', '{"a":[1,null,true,"x"]}'],
  ['white space of all four kinds', ' \t\r\n{ } '],
  ['a pair of surrogates', '"\\ud83d\\ude00"'],
  ['the largest integers', '[9007199254740991,-9007199254740991]'],
  ['a fraction', '[1.5,-0.25e-3,5e-324]'],
  ['minus zero', '[-0]'],
  ['64 levels', '['.repeat(64) + ']'.repeat(64)],
  ['a key that objects inherit', '{"toString":1}'],
  ['$schema and $comment are ordinary keys here', '{"$schema":"x","$comment":"y"}'],
  ['nothing', ''],
  ['a byte order mark', '\ufeff{}'],
  ['a comment', '{} // no'],
  ['a trailing comma', '{"a":1,}'],
  ['single quotes', "{'a':1}"],
  ['a control character in a string', '"a\u0001b"'],
  ['a leading zero', '[01]'],
  ['two values', '{} {}'],
  ['NaN', '[NaN]'],
  ['the same key twice', '{"a":1,"a":1}'],
  ['the same key twice, once escaped', '{"a":1,"\\u0061":2}'],
  ['the same key twice, deep', '{"x":[{"a":{"b":1,"b":2}}]}'],
  ['2^53', '[9007199254740992]'],
  ['-2^53', '[-9007199254740992]'],
  ['2^53 + 1 with a fraction of zero', '[9007199254740993.0]'],
  ['1e20, a whole number too', '[1e20]'],
  ['1e400', '[1e400]'],
  ['65 levels', '['.repeat(65) + ']'.repeat(65)],
  ['half a surrogate pair', '"\\ud800"'],
  ['surrogates in the wrong order', '"\\ude00\\ud83d"'],
  ['__proto__', '{"__proto__":{"polluted":true}}'],
  ['__proto__ escaped', '{"__proto\\u005f_":1}'],
  ['constructor', '{"a":{"constructor":{}}}'],
  ['prototype', '{"prototype":1}'],
];

export function makeJson() {
  const cases = texts.map(([name, text]) => verdict(name, utf8(text)));
  cases.push(verdict('bytes that are no UTF-8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22)));
  cases.push(verdict('a surrogate as bytes', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)));
  return { about: 'JSON texts (base64 of the bytes) that config files and payloads may hold, and refusals.', cases };
}

function verdict(name, bytes) {
  const entry = { name, base64: base64(bytes) };
  try {
    parseJsonBytes(bytes);
    return { ...entry, accept: true };
  } catch (error) {
    if (isHeadwaterError(error)) return { ...entry, accept: false, code: error.code };
    throw error;
  }
}
