import { MlflowError } from '@hilum/mlflow';
import { TrainerError } from '../errors.ts';

/** Gives MLflow's errors the trainer's codes. */
export async function tracked<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof MlflowError)) throw cause;
    const code = cause.retryable ? 'TRACKING_UNREACHABLE' : 'TRACKING_REFUSED';
    throw new TrainerError(code, `${cause.code}: ${cause.message}`, { cause });
  }
}
