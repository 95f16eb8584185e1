/** nodules.csv: one row for each nodule, with what radiologists made of it. Pure. */
import { z } from 'zod';
import { decimal, malformed, readTable } from './csv.ts';

export interface Nodule {
  readonly exam: string;
  /** As its folder is named: a space of the table is `_` there. */
  readonly nodule: string;
  readonly diameterMm: number;
  /** Malignancy as radiologists saw it, 1 (highly unlikely) to 5 (highly suspicious); LIDC-IDRI has no pathology here. */
  readonly rating: number;
  /** Undefined where the rating is between the two. */
  readonly label: 'benign' | 'malignant' | undefined;
  /** Text of the other columns that were asked for. */
  readonly columns: Readonly<Record<string, string>>;
}

/** Up to which rating a nodule is benign and from which on malignant. */
export interface RatingRule {
  readonly benignUpTo: number;
  readonly malignantFrom: number;
}

/** 3 is "indeterminate": it is neither, and counting it as one of them is a choice that has to be made aloud. */
const WITHOUT_INDETERMINATE: RatingRule = { benignUpTo: 2, malignantFrom: 4 };

/**
 * Columns `exam_id`, `nodule_id`, `diameter_mm`, `malignancy`; others are passed over, a label column too.
 *
 * @throws TrainerError LABELS_MALFORMED
 */
export function parseNodules(
  text: string,
  rule: RatingRule = WITHOUT_INDETERMINATE,
  columns: readonly string[] = [],
): readonly Nodule[] {
  if (rule.benignUpTo >= rule.malignantFrom) throw new RangeError('a rating cannot be benign and malignant');
  const lines = new Map<string, number>();
  return readTable(text, rowSchema, columns).map(({ line, row, kept }) => {
    const [exam, nodule] = [row.exam_id, row.nodule_id.replaceAll(' ', '_')];
    const key = `${exam}/${nodule}`;
    const before = lines.get(key);
    if (before !== undefined) throw malformed(`lines ${before} and ${line} are of one nodule`);
    lines.set(key, line);
    const rating = row.malignancy;
    const label = labelOf(rating, rule);
    return { exam, nodule, diameterMm: row.diameter_mm, rating, label, columns: kept };
  });
}

function labelOf(rating: number, { benignUpTo, malignantFrom }: RatingRule): Nodule['label'] {
  if (rating <= benignUpTo) return 'benign';
  return rating >= malignantFrom ? 'malignant' : undefined;
}

const name = z
  .string()
  .min(1)
  .refine((text) => !/[/\\\0]/.test(text), 'not the name of a folder');

const rowSchema = z.object({
  exam_id: name,
  nodule_id: name,
  diameter_mm: decimal.pipe(z.number().positive()),
  malignancy: decimal.pipe(z.number().min(1).max(5)),
});
