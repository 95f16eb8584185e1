/** What training and inference need beside npm's packages: made when a command first asks for it. */
import { baseWeightsPath, installTensorflow } from '@hilum/hack';

/** TensorFlow or the weights cannot be made on this machine; the message says what is missing. Exit code 69. */
class SetupError extends Error {
  override readonly name = 'SetupError';
  readonly code = 'SETUP_FAILED';
  readonly exitCode = 69;
}

/**
 * Makes the native engine loadable: milliseconds when it was made before, a download and a compilation when not.
 *
 * @throws SetupError
 */
export async function readyEngine(): Promise<void> {
  // The one for NVIDIA cards is the user's own: nothing here makes it.
  if (process.env['HILUM_ENGINE'] === 'gpu') return;
  await coded(() => installTensorflow());
}

/** @returns path of the ImageNet weights; throws SetupError */
export function readyBaseWeights(): Promise<string> {
  return coded(baseWeightsPath);
}

async function coded<Result>(make: () => Promise<Result>): Promise<Result> {
  try {
    return await make();
  } catch (cause) {
    throw new SetupError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
