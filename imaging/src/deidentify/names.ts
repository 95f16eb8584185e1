/** The words that name people in a file, to find them again where they do not belong. */
import { standardVr } from './dictionary.ts';
import type { Element, ValueElement } from './elements.ts';

const PATIENT_ID = 0x0010_0020;
const OTHER_PATIENT_IDS = 0x0010_1000;
/** Shorter ones are initials, titles and particles, which occur in any text. */
const MIN_CHARACTERS = 4;

/** Lower-case words of every PN and of the patient's ids, at any depth. */
export function namesIn(
  elements: readonly Element[],
  textOf: (element: ValueElement) => string,
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const element of elements) {
    if (element.kind === 'sequence') {
      for (const item of element.items) for (const name of namesIn(item, textOf)) found.add(name);
    } else if (element.kind === 'value' && isName(element)) {
      for (const word of wordsOf(textOf(element))) if (word.length >= MIN_CHARACTERS) found.add(word);
    }
  }
  return found;
}

export function mentions(text: string, names: ReadonlySet<string>): boolean {
  return wordsOf(text).some((word) => names.has(word));
}

function isName({ tag, vr }: ValueElement): boolean {
  return vr === 'PN' || standardVr(tag) === 'PN' || tag === PATIENT_ID || tag === OTHER_PATIENT_IDS;
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().split(/[\^=\\\s,;:()]+/);
