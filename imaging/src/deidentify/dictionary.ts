/** The VR that the standard gives an attribute: what tells a sequence in implicit VR, and a standard attribute at all. */
import { DICTIONARY } from './dictionary-data.ts';

/** `undefined` where the tag is no standard attribute: private, of a repeating group, or unknown. */
export function standardVr(tag: number): string | undefined {
  return vrs.get(tag);
}

const vrs = readDictionary();

function readDictionary(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const line of DICTIONARY.trim().split('\n')) {
    const [vr = '', group = '', ...elements] = line.split(' ');
    for (const element of elements) found.set(Number.parseInt(group + element, 16), vr);
  }
  return found;
}
