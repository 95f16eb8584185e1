import { array, assert, constantFrom, double, float, integer, oneof, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWithNumbers } from './numbers.ts';

const parse = (text: string): unknown => parseWithNumbers(Buffer.from(text), () => undefined);

/** What `JSON.parse` makes of it, with long flat arrays of numbers rounded to float32. */
function oracle(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    const isLong = Array.isArray(value) && value.length >= 64;
    return isLong && value.every((one) => typeof one === 'number') ? Float32Array.from(value) : value;
  });
}

const long = (...texts: string[]): string =>
  `[${Array.from({ length: 64 }, (_, at) => texts[at % texts.length]).join(',')}]`;

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    return error instanceof SyntaxError ? 'SyntaxError' : error;
  }
}

describe('numbers of a JSON body', () => {
  it.each([
    ['plain', long('0', '-0', '12.5', '-103.939', '151.061', '9007199254740993', '0.1')],
    ['with exponents', long('1e3', '-2.5E-3', '1e-400', '3.4028235e38', '1e39')],
    ['longer than a double', long('0.1234567890123456789', '123456789012345678901234567890')],
    ['with spaces', long(' 1', '2 ', '  3.25  ')],
    [
      'of a body with others',
      `{"inputs":[{"name":"a [1,2\\"","shape":[1,2],"data":${long('1', '2.5')}}],"id":"x"}`,
    ],
    ['two arrays', `[${long('1')},${long('2')},[3,4]]`],
    ['a short one', '[1,2,3]'],
    ['an escaped quote before', `{"a\\\\":${long('7')},"b\\"":[${long('8')}]}`],
  ])('are those of JSON.parse in float32: %s', (_, text) => {
    expect(parse(text)).toEqual(oracle(text));
  });

  it.each([
    ['a leading zero', long('01')],
    ['a sign alone', long('-')],
    ['a point without decimals', long('1.')],
    ['a point alone in front', long('.5')],
    ['hexadecimal', long('0x10')],
    ['an exponent without digits', long('1e')],
    ['a plus', long('+1')],
    ['a comma at the end', long('1').replace(']', ',]')],
    ['no end', long('1').replace(']', '')],
    ['not a number', long('NaN')],
  ])('are refused as by JSON.parse: %s', (_, text) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(() => parse(text)).toThrow(SyntaxError);
  });

  it('are those of JSON.parse for any numbers in any form', () => {
    const form = oneof(
      double({ noNaN: true, noDefaultInfinity: true }).map(String),
      float({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toFixed(3)),
      integer().map(String),
      double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
    );
    assert(
      property(array(form, { minLength: 60, maxLength: 200 }), (texts) => {
        const text = `{"data":[${texts.join(', ')}],"after":[true,null]}`;
        expect(parse(text)).toEqual(oracle(text));
      }),
    );
  });

  it('agrees with JSON.parse about any text, also a broken one', () => {
    const pieces = constantFrom(
      long('1', '-2.5'),
      '[',
      ']',
      '{',
      '}',
      '"',
      '\\',
      ',',
      ':',
      '1',
      'e',
      ' ',
      '"a"',
      'null',
    );
    assert(
      property(array(pieces, { maxLength: 12 }), (texts) => {
        const text = texts.join('');
        expect(outcome(() => parse(text))).toEqual(outcome(() => oracle(text)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('shows the check what is left, without the numbers', () => {
    let left = 0;
    parseWithNumbers(Buffer.from(`{"data":${long('123.456')}}`), (rest) => {
      left = rest.length;
    });
    expect(left).toBeLessThan(80);
  });

  it('does not take a placeholder that a client writes', () => {
    const text = `{"numbers-0":0,"data":${long('1')}}`;
    expect(parse(text)).toEqual(oracle(text));
  });
});
