import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DICOM_PARTS_TYPE, DICOM_TYPE, JSON_TYPE, negotiate } from './accept.ts';

const OFFERS = [JSON_TYPE, DICOM_TYPE, DICOM_PARTS_TYPE] as const;

function outcomeOf(accept: string): unknown {
  try {
    return negotiate(accept, OFFERS);
  } catch (error) {
    return (error as { readonly code: unknown }).code;
  }
}

describe('negotiate', () => {
  it.each([
    ['no header', undefined, JSON_TYPE],
    ['an empty one', '', JSON_TYPE],
    ['anything', '*/*', JSON_TYPE],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE],
    ['DICOM', 'application/dicom', DICOM_TYPE],
    ['DICOM in any transfer syntax, in capitals', 'Application/DICOM; transfer-syntax=*', DICOM_TYPE],
    ['several objects', 'multipart/related; type="application/dicom"', DICOM_PARTS_TYPE],
    ['several objects without quotes', 'multipart/related;type=application/dicom', DICOM_PARTS_TYPE],
    ['several objects of whatever', 'multipart/related', DICOM_PARTS_TYPE],
    ['DICOM rather than JSON', 'application/json;q=0.5, application/dicom', DICOM_TYPE],
    ['JSON rather than DICOM', 'application/dicom;q=0.1, application/json;q=0.2', JSON_TYPE],
    ['all but JSON', 'application/json;q=0, */*;q=0.1', DICOM_TYPE],
    ['the specific range before the wide one', '*/*, application/json;q=0.2', DICOM_TYPE],
    ['a quoted comma', 'text/x;a="b,application/dicom", application/json', JSON_TYPE],
    ['one range that is none', 'garbage, application/dicom', DICOM_TYPE],
  ])('gives a client that asks for %s what it wants', (_, accept, want) => {
    expect(negotiate(accept, OFFERS)).toBe(want);
  });

  it.each([
    'text/html',
    'application/json;q=0',
    'application/json;q=2',
    'multipart/related; type="application/pdf"',
    'application/*+xml',
    'garbage',
  ])('refuses %s and lists what there is', (accept) => {
    expect(() => negotiate(accept, OFFERS)).toThrow(
      expect.objectContaining({
        code: 'NOT_ACCEPTABLE',
        message: expect.stringContaining(`There is: ${OFFERS.join(', ')}`) as unknown,
      }),
    );
  });

  it('answers any header with an offer or a refusal', () => {
    fc.assert(
      fc.property(fc.string(), (accept) => {
        expect([...OFFERS, 'NOT_ACCEPTABLE']).toContain(outcomeOf(accept));
      }),
    );
  });
});
