/** Bech32 (BIP 173), the writing of age keys: `age1…` and `AGE-SECRET-KEY-1…`. */
const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const checksumDigits = 6;

export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const digits = regroup(bytes, 8, 5, true) as number[];
  const values = [...expand(prefix), ...digits];
  const sum = polymod([...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  const check = Array.from({ length: checksumDigits }, (_, i) => (sum >>> (5 * (5 - i))) & 31);
  return `${prefix}1${[...digits, ...check].map((digit) => alphabet[digit]).join('')}`;
}

/** The bytes under a lower-case prefix, or `null`: mixed case, another prefix, a wrong checksum or left-over bits. */
export function decodeBech32(prefix: string, text: string): Uint8Array | null {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return null;
  if (!lower.startsWith(`${prefix}1`)) return null;
  const digits = [...lower.slice(prefix.length + 1)].map((char) => alphabet.indexOf(char));
  if (digits.length < checksumDigits || digits.includes(-1)) return null;
  if (polymod([...expand(prefix), ...digits]) !== 1) return null;
  const bytes = regroup(digits.slice(0, -checksumDigits), 5, 8, false);
  return bytes && Uint8Array.from(bytes);
}

function expand(prefix: string): number[] {
  const codes = [...prefix].map((char) => char.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [i, part] of generator.entries()) if ((top >>> i) & 1) sum ^= part;
  }
  return sum >>> 0;
}

function regroup(values: Iterable<number>, from: number, to: number, pads: boolean): number[] | null {
  const result: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = (held << from) | value;
    bits += from;
    for (; bits >= to; held &= (1 << bits) - 1) {
      bits -= to;
      result.push(held >>> bits);
    }
  }
  if (pads && bits > 0) result.push(held << (to - bits));
  else if (!pads && (bits >= from || held !== 0)) return null;
  return result;
}
