/** The trials of a study, and how the lines of its journal make them. */
import type { Measurement, Parameters, Trial } from '@hilum/search';
import { z } from 'zod';

const parameters = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]));
const measurement = z.strictObject({ step: z.int().positive(), value: z.number() });

const ended = z.strictObject({
  at: z.literal('ended'),
  trial: z.int().nonnegative(),
  state: z.enum(['succeeded', 'failed', 'pruned', 'paused']),
  value: z.number().optional(),
  intermediate: z.array(measurement),
  details: z.record(z.string(), z.unknown()).optional(),
  failure: z.strictObject({ code: z.string(), message: z.string() }).optional(),
});

/** One line of the journal, after the first. */
export const lineSchema = z.discriminatedUnion('at', [
  z.strictObject({ at: z.literal('started'), trial: z.int().nonnegative(), parameters }),
  /** The process ended while the trial ran; it is run again from its beginning, with the same parameters. */
  z.strictObject({ at: z.literal('interrupted'), trial: z.int().nonnegative() }),
  /** Called up after a pause. */
  z.strictObject({ at: z.literal('promoted'), trial: z.int().nonnegative() }),
  z.strictObject({ at: z.literal('infeasible'), trial: z.int().nonnegative(), parameters }),
  ended,
]);

export type Line = z.output<typeof lineSchema>;

/** A trial of a study as its journal has it. */
export interface StudyTrial extends Trial {
  readonly parameters: Parameters;
  /** What it reported, in order; of a trial that failed, no more than was a number. */
  readonly intermediate: readonly Measurement[];
  /** What the objective gave beside its value. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Only of a trial that failed. `INFEASIBLE`: it was not run, and is not counted. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/** @throws RangeError where a line is about a trial that no line started */
export function replay(lines: readonly Line[]): Map<number, StudyTrial> {
  const trials = new Map<number, StudyTrial>();
  for (const line of lines) trials.set(line.trial, after(trials.get(line.trial), line));
  return trials;
}

/** A trial after one more line. */
export function after(trial: StudyTrial | undefined, line: Line): StudyTrial {
  if (line.at === 'started' || line.at === 'infeasible') {
    const begun = { number: line.trial, parameters: line.parameters, intermediate: [] };
    if (line.at === 'started') return { ...begun, state: 'running' };
    const message = 'these parameters contradict each other';
    return { ...begun, state: 'failed', failure: { code: 'INFEASIBLE', message } };
  }
  if (trial === undefined) throw new RangeError(`trial ${line.trial} was never started`);
  if (line.at === 'promoted') return { ...trial, state: 'running' };
  if (line.at === 'interrupted') return trial;
  const { state, value, intermediate, details, failure } = line;
  return {
    number: trial.number,
    parameters: trial.parameters,
    state,
    intermediate,
    ...(value !== undefined && { value }),
    ...(details !== undefined && { details }),
    ...(failure !== undefined && { failure }),
  };
}

/** Whether the trial takes one of the places that a study has. */
export function counts(trial: StudyTrial): boolean {
  return trial.failure?.code !== 'INFEASIBLE';
}
