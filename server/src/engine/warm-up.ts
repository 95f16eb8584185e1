/** A lane proves itself on the golden images of the package before anybody's image is given to it. */
import { type PackageInfo, readGoldenInputs } from '@hilum/model';
import { GaveUp } from '../readiness.ts';
import type { EngineFacts } from './facts.ts';
import type { Lane } from './lane.ts';

/** @throws GaveUp WARM_UP_MISMATCH; what the lane throws */
export type WarmUp = (lane: Pick<Lane, 'infer'>) => Promise<void>;

/** @throws PackageError where the golden images cannot be read */
export async function warmUpOf(
  info: PackageInfo,
  precision: EngineFacts['precision'],
  onWarning: (message: string) => void,
): Promise<WarmUp> {
  const { golden, dir, contract, labels } = info;
  const pixels = contract.inputSize ** 2 * 3;
  const want = precision === 'int8' ? golden?.int8 : golden;
  if (golden === undefined || want === undefined) {
    onWarning(
      `the package has no golden answers in ${precision}: that this engine computes the same is not proved`,
    );
    return async (lane) => {
      await lane.infer(new Float32Array(pixels), 1, false);
    };
  }
  const inputs = await readGoldenInputs(dir, golden);
  return async (lane) => {
    for (const [at, expected] of want.outputs.entries()) {
      // A copy each time: its memory moves to the lane.
      const { probabilities } = await lane.infer(inputs.slice(at * pixels, (at + 1) * pixels), 1, false);
      const off = labels.map((_, label) =>
        Math.abs((probabilities[label] ?? Number.NaN) - (expected[label] ?? Number.NaN)),
      );
      const largest = Math.max(...off);
      // Also false where it is NaN.
      if (largest <= want.tolerance) continue;
      const where = `golden image ${at + 1} of ${golden.count}`;
      const message = `${where}: a probability differs by ${largest} from the package's, at most ${want.tolerance} may be`;
      throw new GaveUp('WARM_UP_MISMATCH', message);
    }
  };
}
