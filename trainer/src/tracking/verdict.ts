/** What the gates said of a model, as a tag of its run. */
import { verdictSchema, type Verdict } from '../evaluation/judge.ts';

/** JSON of a Verdict. */
export const GATE_TAG = 'hilum.gate';

/** @returns undefined for a text that is cut or not ours: the run is judged again */
export function verdictOf(text: string | undefined): Verdict | undefined {
  try {
    return text === undefined ? undefined : verdictSchema.parse(JSON.parse(text));
  } catch {
    return undefined; // cut or not ours: the run is judged again
  }
}
