import { describe, expect, test } from 'vitest';
import { NumberText } from './ordered-json.ts';
import { refuseRiskyNumber, scalarFrom, scalarText } from './scalar.ts';

describe('a value as SOPS encrypts and hashes it', () => {
  test.each([
    ['5432', 'int', '5432'],
    ['-12', 'int', '-12'],
    ['9007199254740991', 'int', '9007199254740991'],
    ['1.0', 'float', '1'],
    ['0.25', 'float', '0.25'],
    ['1e21', 'float', '1000000000000000000000'],
    ['1.5e22', 'float', '15000000000000000000000'],
    ['1.25e+3', 'float', '1250'],
    ['1e-7', 'float', '0.0000001'],
    ['-1.5e-10', 'float', '-0.00000000015'],
    ['5e-324', 'float', `0.${'0'.repeat(323)}5`],
    ['100000000000000000000', 'float', '100000000000000000000'],
  ])('the number %s is %s %s', (token, type, text) => {
    expect(scalarText(new NumberText(token))).toEqual({ type, text });
  });

  test('versions hash some whole numbers differently', () => {
    const exact = scalarText(new NumberText('9007199254740993'));
    expect(exact).toEqual({ type: 'int', text: '9007199254740993', legacyText: '9007199254740992' });
    expect(scalarText(new NumberText('-0'))).toEqual({ type: 'int', text: '0', legacyText: '-0' });
  });

  test('booleans are in title case', () => {
    expect([true, false].map((value) => scalarText(value).text)).toEqual(['True', 'False']);
  });
});

describe('decrypted text', () => {
  const read = (type: Parameters<typeof scalarFrom>[0], text: string) => {
    const found = scalarFrom(type, text);
    if (found === null) return null;
    return [found.value instanceof NumberText ? found.value.text : found.value, found.hashed];
  };

  test.each([
    ['int', '007', ['7', '7']],
    ['int', '+5', ['5', '5']],
    ['int', '9223372036854775807', ['9223372036854775807', '9223372036854775807']],
    ['float', '5432', ['5432', '5432']],
    ['float', '1.50', ['1.5', '1.5']],
    ['float', '1e21', ['1e+21', '1000000000000000000000']],
    ['float', '-0', ['-0', '-0']],
    ['bool', 'True', [true, 'True']],
    ['bool', 'f', [false, 'False']],
    ['str', 'True', ['True', 'True']],
  ] as const)('%s %s', (type, text, expected) => {
    expect(read(type, text)).toEqual(expected);
  });

  test.each([
    ['int', '9223372036854775808'],
    ['int', '1.5'],
    ['int', ''],
    ['int', '1'.repeat(100_000)],
    ['float', 'NaN'],
    ['float', '1e999'],
    ['float', '0x10'],
    ['float', '.'],
    ['bool', 'yes'],
  ] as const)('%s %s is none', (type, text) => {
    expect(read(type, text)).toBeNull();
  });
});

describe('numbers that are never written', () => {
  test.each([
    '-0',
    '-0.0',
    '-0e5',
    '-1e-400',
    '9007199254740992',
    '-9007199254740993',
    '123456789012345678901234567890',
  ])('%s is refused', (token) => {
    const refused = expect.objectContaining({ code: 'HW_SECRETS_NUMBER', details: { pointer: '/n' } });
    expect(() => refuseRiskyNumber(new NumberText(token), '/n')).toThrow(refused);
  });

  test.each(['0', '9007199254740991', '-9007199254740991', '1e21', '0.1', '1.0'])('%s is not', (token) => {
    expect(() => refuseRiskyNumber(new NumberText(token), '/n')).not.toThrow();
  });
});
