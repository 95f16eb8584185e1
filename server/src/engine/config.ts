/** The settings of the inference engine, from the environment. */
import { z } from 'zod';
import type { EngineOptions } from './worker.ts';

export type EngineConfig = Pick<EngineOptions, 'kind' | 'precision' | 'threads' | 'lanes' | 'answerMs'>;

const KINDS = ['auto', 'onnxruntime', 'tensorflow', 'tensorflow-gpu', 'wasm'] as const;
/** The words of the trainer, which reads the same variable. */
const TRAINERS = { cpu: 'auto', gpu: 'tensorflow-gpu' } as const;

const count = (max: number) => {
  const error = `a whole number from 1 to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(1, { error }).max(max, { error }).optional();
};

export const engineVariables = {
  HILUM_ENGINE: z.enum([...KINDS, 'cpu', 'gpu']).default('auto'),
  HILUM_PRECISION: z.enum(['auto', 'float32', 'int8']).default('auto'),
  HILUM_THREADS: count(1_024),
  HILUM_LANES: count(64),
  HILUM_ENGINE_TIMEOUT_MS: count(3_600_000),
};

type EngineVariables = z.infer<z.ZodObject<typeof engineVariables>>;

export function engineOf(e: EngineVariables): EngineConfig {
  const engine = e.HILUM_ENGINE;
  return {
    kind: engine === 'cpu' || engine === 'gpu' ? TRAINERS[engine] : engine,
    precision: e.HILUM_PRECISION,
    ...(e.HILUM_THREADS === undefined ? {} : { threads: e.HILUM_THREADS }),
    ...(e.HILUM_LANES === undefined ? {} : { lanes: e.HILUM_LANES }),
    ...(e.HILUM_ENGINE_TIMEOUT_MS === undefined ? {} : { answerMs: e.HILUM_ENGINE_TIMEOUT_MS }),
  };
}
