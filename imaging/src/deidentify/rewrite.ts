/** One data set by the rules: elements in, elements out, each noted in the tally. */
import { withoutPadding } from '../dicom/text-padding.ts';
import { ImagingError } from '../errors.ts';
import { shiftDates } from './dates.ts';
import { standardVr } from './dictionary.ts';
import { dummyOf } from './dummy.ts';
import type { Element, SequenceElement, ValueElement } from './elements.ts';
import { mentions } from './names.ts';
import { actionOn, isTextVr } from './profile.ts';
import type { Action, Retained } from './profile.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import type { Tally } from './report.ts';
import { textElement } from './write.ts';

export type Rules = {
  readonly retained: Retained;
  readonly pseudonyms: Pseudonyms;
  /** The patient of this file: see `patientOf`. */
  readonly shiftDays: number;
  /** Of people in this file: see `namesIn`. */
  readonly names: ReadonlySet<string>;
  readonly tally: Tally;
};

const PATIENT_ID = 0x0010_0020;
const PATIENT_AGE = 0x0010_1010;

/** @param strict inside a sequence that is replaced: no text survives */
export function rewrite(elements: readonly Element[], rules: Rules, strict = false): readonly Element[] {
  return elements.flatMap((element) => rewriteOne(element, rules, strict) ?? []);
}

/** `undefined`: removed. */
function rewriteOne(element: Element, rules: Rules, strict: boolean): Element | undefined {
  const action = actionOn(element.tag, element.vr, rules.retained);
  if (element.kind === 'sequence') return rewriteSequence(element, action, rules, strict);
  if (element.kind === 'encapsulated') {
    const stays = action === 'keep' && !strict;
    return note(rules, stays ? element : undefined, element, stays ? 'keep' : 'remove');
  }
  if (action === 'remove') return note(rules, undefined, element, action);
  const text = isText(element) ? textOf(element) : undefined;
  // Nothing is in it: there is nothing to hide, and the object was allowed to leave it so.
  if (text === '' || element.value.length === 0) return note(rules, emptied(element), element, 'keep');
  if (element.tag === PATIENT_ID && text !== undefined) {
    rules.tally.note(element.tag, 'pseudonym');
    return textElement(element.tag, 'LO', rules.pseudonyms.patientId(text));
  }
  return rewriteValue(element, text ?? '', strictly(action, element.vr, strict), rules);
}

function rewriteSequence(
  element: SequenceElement,
  action: Action,
  rules: Rules,
  strict: boolean,
): Element | undefined {
  // Only a sequence by the standard has items that can be judged; UN in items would have to be written again as SQ.
  if (action === 'remove' || action === 'uid' || element.vr !== 'SQ')
    return note(rules, undefined, element, 'remove');
  if (action === 'empty') return note(rules, { ...element, items: [] }, element, action);
  rules.tally.note(element.tag, action);
  const items = element.items.map((item) => rewrite(item, rules, strict || action === 'replace'));
  return { ...element, items };
}

const CODED_VRS = new Set('AT CS DS FD FL IS SL SS SV UI UL US UV'.split(' '));

function strictly(action: Action, vr: string, strict: boolean): Action {
  return strict && action === 'keep' && !CODED_VRS.has(vr) ? 'replace' : action;
}

function rewriteValue(
  element: ValueElement,
  text: string,
  action: Action,
  rules: Rules,
): Element | undefined {
  switch (action) {
    case 'remove':
      return note(rules, undefined, element, action);
    case 'empty':
      return note(rules, emptied(element), element, action);
    case 'replace':
      return note(rules, replaced(element), element, action);
    case 'uid':
      return note(rules, textElement(element.tag, 'UI', remapped(text, rules.pseudonyms)), element, action);
    case 'shift': {
      const shifted = shiftDates(element.vr, text, rules.shiftDays);
      if (shifted !== undefined) return note(rules, withText(element, shifted), element, action);
      const plain = actionOn(element.tag, element.vr, { ...rules.retained, shiftedDates: false });
      return rewriteValue(element, text, plain === 'shift' ? 'replace' : plain, rules);
    }
    default:
      return kept(element, text, rules);
  }
}

/** What breaks the rules of its VR may be anything, a name in a number's place included. */
function kept(element: ValueElement, text: string, rules: Rules): Element | undefined {
  const vr = standardVr(element.tag) ?? element.vr;
  const form = FORMS[vr];
  if (form !== undefined && !text.split('\\').every((value) => form.test(value.trim()))) {
    return note(rules, emptied(element), element, 'empty');
  }
  if (NAMED_VRS.has(vr) && !CODE.has(element.tag) && mentions(text, rules.names)) {
    return note(rules, emptied(element), element, 'empty');
  }
  if (!isText(element)) return note(rules, element, element, 'keep');
  const capped = element.tag === PATIENT_AGE ? cappedAge(text) : text;
  return note(rules, capped === text ? element : withText(element, capped), element, 'keep');
}

// A name that was typed into a technical text. Not CS: a patient may well be called Head; nor codes, which must stay.
const NAMED_VRS = new Set(['LO', 'SH']);
const CODE: ReadonlySet<number> = new Set([0x0008_0100, 0x0008_0102, 0x0008_0103, 0x0008_0104]);

const FORMS: Readonly<Record<string, RegExp>> = {
  AS: /^(\d{3}[DWMY])?$/,
  CS: /^[\w .+:/()-]{0,32}$/,
  DS: /^[\d.eE+-]{0,32}$/,
  IS: /^[\d+-]{0,16}$/,
  UI: /^[\d.]{0,64}$/,
};

/** HIPAA's safe harbour, 45 CFR 164.514(b)(2)(i)(C): ages over 89 in one class. */
function cappedAge(age: string): string {
  const years = /^(\d{3})Y$/.exec(age)?.[1];
  return years !== undefined && Number(years) > 89 ? '090Y' : age;
}

// PS3.6 annex A: identifiers of the standard itself, such as well-known frames of reference. Its numbers are small;
// a device that makes its UIDs under the standard's root puts a date or a serial number into them.
const WELL_KNOWN = /^1\.2\.840\.10008(\.\d{1,3}){1,8}$/;

// As many as an element of VR UI holds, 44 characters and a backslash each.
const UIDS_MAX = 1456;

function remapped(text: string, pseudonyms: Pseudonyms): string {
  const uids = text.split('\\').map((uid) => uid.trim());
  // Before their pseudonyms are computed: a long text would take a minute of digests and then not fit.
  if (uids.length > UIDS_MAX) throw new ImagingError('CORRUPT', 'An element holds more UIDs than it can.');
  return uids.map((uid) => (uid === '' || WELL_KNOWN.test(uid) ? uid : pseudonyms.uid(uid))).join('\\');
}

function replaced({ tag, vr: declared }: ValueElement): ValueElement {
  const vr = declared === 'UN' ? (standardVr(tag) ?? 'UN') : declared;
  const dummy = dummyOf(vr);
  if ('text' in dummy) return textElement(tag, vr, dummy.text);
  return { kind: 'value', tag, vr, value: new Uint8Array(dummy.zeros) };
}

const withText = ({ tag, vr }: ValueElement, text: string): ValueElement => textElement(tag, vr, text);
const emptied = (element: ValueElement): ValueElement => ({ ...element, value: new Uint8Array() });

function note(
  { tally }: Rules,
  result: Element | undefined,
  { tag }: Element,
  action: Parameters<Tally['note']>[1],
): Element | undefined {
  tally.note(tag, action);
  return result;
}

const isText = ({ tag, vr }: ValueElement): boolean => isTextVr(vr === 'UN' ? (standardVr(tag) ?? 'UN') : vr);

/** Without the padding. Latin-1, so that no byte is lost, whatever the character set. */
export function textOf(element: ValueElement): string {
  const bytes = Buffer.from(element.value.buffer, element.value.byteOffset, element.value.byteLength);
  return withoutPadding(bytes.toString('latin1')).replace(/^ +/, '');
}
