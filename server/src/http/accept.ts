/** Which of the forms that an answer has is wanted (RFC 9110 12.5.1). */
import { ServerError } from '../errors.ts';

export const JSON_TYPE = 'application/json';
export const DICOM_TYPE = 'application/dicom';
/** Several DICOM objects in one body, as DICOMweb sends them (PS3.18 8.6.1.2). */
export const DICOM_PARTS_TYPE = 'multipart/related; type="application/dicom"';

/**
 * The offer with the highest q-value, of equals the first. The most specific range that matches an offer decides its
 * q; a parameter that the offer has not (`transfer-syntax`, `charset`) is not looked at.
 *
 * @param accept the header; absent means anything
 * @param offers media types, the default first
 * @param why said to the client when nothing fits, before the list of what there is
 * @throws ServerError NOT_ACCEPTABLE
 */
export function negotiate<Offer extends string>(
  accept: string | undefined,
  offers: readonly [Offer, ...Offer[]],
  why = 'None of the media types in Accept is one that this address gives.',
): Offer {
  if (accept === undefined || accept.trim() === '') return offers[0];
  const ranges = split(accept, ',').flatMap((text) => parse(text) ?? []);
  const wanted = offers
    .map((offer) => ({ offer, q: qualityOf(offer, ranges) }))
    .filter(({ q }) => q > 0)
    // toSorted keeps the order of equals.
    .toSorted((a, b) => b.q - a.q);
  if (wanted[0] !== undefined) return wanted[0].offer;
  throw new ServerError('NOT_ACCEPTABLE', `${why} There is: ${offers.join(', ')}`);
}

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly q: number;
}

function qualityOf(offer: string, ranges: readonly MediaRange[]): number {
  const media = parse(offer);
  if (media === undefined) throw new TypeError(`${offer} is no media type`);
  let best = { specificity: -1, q: 0 };
  for (const range of ranges) {
    const specificity = specificityOf(range, media);
    if (specificity === undefined || specificity < best.specificity) continue;
    const q = specificity === best.specificity ? Math.max(range.q, best.q) : range.q;
    best = { specificity, q };
  }
  return best.q;
}

/** How closely a range describes the offer, or undefined where it does not. */
function specificityOf(range: MediaRange, offer: MediaRange): number | undefined {
  if (range.type === '*') return range.subtype === '*' ? 0 : undefined;
  if (range.type !== offer.type) return undefined;
  if (range.subtype === '*') return 1;
  if (range.subtype !== offer.subtype) return undefined;
  const known = [...range.parameters].filter(([name]) => offer.parameters.has(name));
  if (known.some(([name, value]) => offer.parameters.get(name) !== value)) return undefined;
  return 2 + known.length;
}

/** Undefined for what is none: the other ranges still count. */
function parse(text: string): MediaRange | undefined {
  const [media = '', ...rest] = split(text, ';').map((part) => part.trim());
  const [type = '', subtype = '', ...more] = media.toLowerCase().split('/');
  if (!TOKEN.test(type) || !TOKEN.test(subtype) || more.length > 0) return undefined;
  let q = 1;
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const at = parameter.indexOf('=');
    const name = parameter.slice(0, Math.max(at, 0)).trim().toLowerCase();
    const value = unquoted(parameter.slice(at + 1).trim());
    if (name === 'q') q = /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(value) ? Number(value) : 0;
    // What stands after q is of the request, not of the media type (RFC 9110 12.5.1).
    else if (q === 1 && name !== '') parameters.set(name, value.toLowerCase());
  }
  return { type, subtype, parameters, q };
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** At separators outside of quotes; one pass, however long the header is. */
function split(text: string, separator: ',' | ';'): readonly string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  return value.replace(/^"|"$/g, '').replace(/\\(.)/g, '$1');
}
