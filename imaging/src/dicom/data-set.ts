import type { DataSet } from 'dicom-parser';
import { keyOf } from './elements.ts';
import { checkLimit } from './limits.ts';

/** The text of an element without the blanks around it; undefined where it is absent or empty. */
export function text(data: DataSet | undefined, tag: number): string | undefined {
  const key = keyOf(tag);
  checkLimit('textBytes', data?.elements[key]?.length ?? 0, 'bytes of text in one attribute');
  const value = data?.string(key)?.trim() ?? '';
  return value === '' ? undefined : value;
}

/** The values of a CS, DS or UI element. */
export function texts(data: DataSet | undefined, tag: number): readonly string[] {
  return (
    text(data, tag)
      ?.split('\\')
      .map((part) => part.trim()) ?? []
  );
}

/** One decimal string; undefined where there is none, several, or something else (PS3.5 6.2, DS). */
export function decimal(data: DataSet | undefined, tag: number): number | undefined {
  return parseDecimal(text(data, tag) ?? '');
}

/** Exactly `count` decimal strings, or undefined. */
export function decimals(
  data: DataSet | undefined,
  tag: number,
  count: number,
): readonly number[] | undefined {
  const values = texts(data, tag)
    .map(parseDecimal)
    .filter((value) => value !== undefined);
  return values.length === count && texts(data, tag).length === count ? values : undefined;
}

/** US, or SS where `signed`; undefined where the element is absent or too short for `index`. */
export function short(data: DataSet, tag: number, signed = false, index = 0): number | undefined {
  const key = keyOf(tag);
  if ((data.elements[key]?.length ?? 0) < 2 * (index + 1)) return undefined;
  return signed ? data.int16(key, index) : data.uint16(key, index);
}

/** The items of a sequence; none where it is absent or no sequence. */
export function items(data: DataSet | undefined, tag: number): readonly DataSet[] {
  return data?.elements[keyOf(tag)]?.items?.flatMap((item) => item.dataSet ?? []) ?? [];
}

function parseDecimal(value: string): number | undefined {
  if (!/^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}
