/** Samples that are groups of images: a nodule's or a patient's slices as one row. */
import type { FeatureRows } from './extract.ts';

/**
 * A view of features whose samples are groups; the row of a group is the mean of its members' rows, which is what the
 * network's linear layers make of the mean score of its slices.
 *
 * @param groups of indices into `features`, none of them empty
 */
export function unitFeatures(features: FeatureRows, groups: readonly (readonly number[])[]): FeatureRows {
  const { floats } = features;
  const rows = (units: ArrayLike<number>, copy = 0): Float32Array => {
    const means = new Float32Array(units.length * floats);
    for (let at = 0; at < units.length; at += 1) {
      const members = groups[units[at] ?? -1];
      if (members === undefined || members.length === 0)
        throw new RangeError(`there is no unit ${units[at]}`);
      means.set(meanOf(features.rows(members, copy), members.length), at * floats);
    }
    return means;
  };
  return { floats, rows };
}

/** Summed in float64, whatever the order of magnitude of the first row. */
function meanOf(rows: Float32Array, count: number): Float64Array {
  const floats = rows.length / count;
  const means = new Float64Array(floats);
  for (let at = 0; at < rows.length; at += 1)
    means[at % floats] = (means[at % floats] ?? 0) + (rows[at] ?? 0);
  return means.map((sum) => sum / count);
}
