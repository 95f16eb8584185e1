/** The package that is shipped must say what the evaluation said. */
import { loadClassifier, type Tf } from '@hilum/model';
import { TrainerError } from './errors.ts';
import type { ImageScore } from './evaluation.ts';
import { readTensor } from './features/images.ts';

/** As the contract with the server has it. */
const TOLERANCE = 1e-5;
const IMAGES = 4;

/**
 * Loads a package from disk as a server would, and scores a few images from their files.
 *
 * @throws TrainerError INTERNAL where an answer differs from the evaluation's by more than 1e-5
 */
export async function verifyPackage(
  tf: Tf,
  packageDir: string,
  dataDir: string,
  scores: readonly ImageScore[],
  signal?: AbortSignal,
): Promise<void> {
  const classifier = await loadClassifier(tf, packageDir);
  try {
    for (const { file, probabilities } of scores.slice(0, IMAGES)) {
      signal?.throwIfAborted();
      const answer = classifier.predict(await readTensor(dataDir, file, classifier.info.contract, signal), 1);
      const worst = Math.max(
        ...classifier.info.labels.map((label, at) =>
          Math.abs((probabilities[label] ?? Number.NaN) - (answer[at] ?? Number.NaN)),
        ),
      );
      // NaN compares false, and so is refused.
      if (worst <= TOLERANCE) continue;
      throw new TrainerError('INTERNAL', `the package answers ${worst} off the evaluation for ${file}`);
    }
  } finally {
    classifier.dispose();
  }
}
