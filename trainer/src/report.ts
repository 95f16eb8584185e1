/** The trainer's last words to the operator, in the file that Kubernetes calls the termination log. */
import { writeFile } from 'node:fs/promises';
import { trainerReportSchema, type TrainerReport } from '@hilum/crds';
import { EngineError, WeightsError } from '@hilum/model';
import { TrainerError } from './errors.ts';
import type { TrainResult } from './options.ts';

/** Kubernetes cuts the message here, and half a JSON is none. */
const MAX_BYTES = 4096;
/** Six bytes of JSON a character at worst, so that a report always fits. */
const MAX_MESSAGE = 600;

/** As the schema of the report has it. */
const MAX_GATE_MESSAGE = 512;

/** Exit code of a process that was told to end: 128 + SIGTERM. */
export const EXIT_TERMINATED = 143;

export function successReport(result: TrainResult): TrainerReport {
  const { dataset, evaluation, run, model } = result;
  const gate = { passed: result.gate.passed, message: result.gate.message.slice(0, MAX_GATE_MESSAGE) };
  if (run === undefined || model === undefined) throw new TypeError('a pod always tracks and registers');
  const { experimentId, runId } = run;
  return { outcome: 'succeeded', experimentId, runId, dataset, evaluation, gate, model };
}

/** @param error anything that ended the run */
export function failureReport(error: unknown): { readonly report: TrainerReport; readonly exitCode: number } {
  const known = toTrainerError(error);
  const { code, exitCode, retryable } = known;
  const message = known.message.slice(0, MAX_MESSAGE);
  return { report: { outcome: 'failed', code, message, retryable }, exitCode };
}

/** For a run whose pod was told to go: the next pod may do better. */
export const INTERRUPTED: TrainerReport = {
  outcome: 'failed',
  code: 'INTERRUPTED',
  message: 'the trainer was told to end before it had finished',
  retryable: true,
};

/** A place that cannot be written, such as a machine without a pod around, is no reason to fail. */
export async function leaveReport(path: string, report: TrainerReport): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(trainerReportSchema.parse(report)));
  if (bytes.length > MAX_BYTES) throw new RangeError(`a report of ${bytes.length} bytes would be cut`);
  await writeFile(path, bytes).catch(() => undefined);
}

/** Errors of the rooms below keep their own codes where this room has the same ones; the rest is a bug. */
function toTrainerError(error: unknown): TrainerError {
  if (error instanceof TrainerError) return error;
  if (error instanceof EngineError) {
    return new TrainerError('ENGINE_MISSING', error.message, { cause: error });
  }
  if (error instanceof WeightsError) return new TrainerError(error.code, error.message, { cause: error });
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new TrainerError('INTERNAL', message, { cause: error });
}
