/** Whether a model may get the alias: named gates, each with its reason. Pure. */
import type { Level } from '@hilum/model';
import { intervalOf } from '../statistics/auc.ts';
import { z } from 'zod';
import { isDefined } from '../statistics/samples.ts';
import type { Assessment, LevelAssessment } from './assessment.ts';

export interface Gates {
  /** Whose figures are judged; images unless told. */
  readonly level?: Level;
  readonly minAucRoc?: number;
  /** For the lower end of the 95 % interval by the bootstrap over patients, or what stands in for it (`intervalOf`). */
  readonly minAucRocLower95?: number;
  /** The interval of the difference to each known shortcut must lie above 0; or to those named here. */
  readonly beatsShortcuts?: boolean | readonly string[];
  /** The AUC must not be below the champion's by more than this; without a champion it passes. */
  readonly notBelowChampion?: { readonly margin: number };
}

const gateResultSchema = z.object({
  name: z.enum(['aucRoc', 'aucRocLower95', 'beatsShortcuts', 'notBelowChampion']),
  passed: z.boolean(),
  /** Absent where the figure is not defined. */
  value: z.number().optional(),
  bound: z.number().optional(),
  /** For the person on call, one sentence. */
  message: z.string(),
});

/** As a run keeps it beside its figures. */
export const verdictSchema = z.object({
  passed: z.boolean(),
  message: z.string(),
  gates: z.array(gateResultSchema),
});

type GateResult = Readonly<z.output<typeof gateResultSchema>>;

export type Verdict = Readonly<z.output<typeof verdictSchema>>;

/** Every gate that is set must pass; a figure that is not defined passes none. Without a gate every finished model may. */
export function judge({ levels }: Pick<Assessment, 'levels'>, gates: Gates = {}): Verdict {
  const level = levels[gates.level ?? 'image'];
  const results = [
    gates.minAucRoc === undefined ? undefined : byValue(level, gates.minAucRoc),
    gates.minAucRocLower95 === undefined ? undefined : byLowerEnd(level, gates.minAucRocLower95),
    gates.beatsShortcuts === undefined || gates.beatsShortcuts === false
      ? undefined
      : byShortcuts(level, gates.beatsShortcuts),
    gates.notBelowChampion === undefined ? undefined : byChampion(level, gates.notBelowChampion.margin),
  ].filter((result) => result !== undefined);
  const measured = `${aucText(level)} on ${level.samples} test ${level.level}s`;
  const failed = results.filter(({ passed }) => !passed);
  const told = (failed.length > 0 ? failed : results).map(({ message }) => message);
  return {
    passed: failed.length === 0,
    message: `${measured}; ${told.length === 0 ? 'no gate is set' : told.join('; ')}`,
    gates: results,
  };
}

function aucText({ aucRoc }: LevelAssessment): string {
  return isDefined(aucRoc)
    ? `AUC-ROC ${aucRoc.value.toFixed(4)}`
    : `AUC-ROC not defined (${aucRoc.notDefined})`;
}

function byValue({ aucRoc }: LevelAssessment, bound: number): GateResult {
  if (!isDefined(aucRoc)) {
    return { name: 'aucRoc', passed: false, bound, message: `there is no AUC-ROC: ${aucRoc.notDefined}` };
  }
  const { value } = aucRoc;
  const passed = value >= bound;
  const message = passed ? `it reaches the gate of ${bound}` : `it is below the gate of ${bound}`;
  return { name: 'aucRoc', passed, value, bound, message };
}

function byLowerEnd({ aucRoc }: LevelAssessment, bound: number): GateResult {
  const name = 'aucRocLower95';
  if (!isDefined(aucRoc)) {
    return { name, passed: false, bound, message: `there is no AUC-ROC: ${aucRoc.notDefined}` };
  }
  const interval = intervalOf(aucRoc);
  const { low: value } = interval;
  const passed = value >= bound;
  const end = `the lower end of its 95 % interval, ${value.toFixed(4)},`;
  const message = passed ? `${end} reaches the gate of ${bound}` : `${end} is below the gate of ${bound}`;
  return { name, passed, value, bound, message };
}

/** The value is the lowest of the lower ends: the shortcut that is hardest to beat decides. */
function byShortcuts({ shortcuts }: LevelAssessment, wanted: true | readonly string[]): GateResult {
  const name = 'beatsShortcuts';
  const names = wanted === true ? Object.keys(shortcuts) : wanted;
  const lows: { readonly feature: string; readonly low: number }[] = [];
  const missing: string[] = [];
  for (const feature of names) {
    const baseline = shortcuts[feature] ?? { notDefined: 'it was not measured' };
    const compared = isDefined(baseline) ? baseline.model : baseline;
    const interval = isDefined(compared) ? compared.bootstrap : compared;
    if (isDefined(interval)) lows.push({ feature, low: interval.low });
    else missing.push(`${feature} (${interval.notDefined})`);
  }
  const hardest = lows.toSorted((a, b) => a.low - b.low)[0];
  if (hardest === undefined || missing.length > 0) {
    const why = missing.length > 0 ? `no interval of ${missing.join(', ')}` : 'no shortcut was measured';
    return { name, passed: false, bound: 0, message: `it cannot be compared with shortcuts: ${why}` };
  }
  const passed = hardest.low > 0;
  const end = `the interval of the difference to ${hardest.feature} begins at ${hardest.low.toFixed(4)}`;
  const message = passed
    ? `it beats every shortcut: ${end}`
    : `it does not beat ${hardest.feature} alone: ${end}`;
  return { name, passed, value: hardest.low, bound: 0, message };
}

function byChampion({ champion }: LevelAssessment, margin: number): GateResult {
  const name = 'notBelowChampion';
  const bound = -margin;
  if (champion === undefined) {
    return { name, passed: true, bound, message: 'there is no champion to compare with' };
  }
  const compared = isDefined(champion) ? champion.model : champion;
  if (!isDefined(compared)) {
    const message = `it cannot be compared with the champion: ${compared.notDefined}`;
    return { name, passed: false, bound, message };
  }
  const { difference: value, bootstrap } = compared;
  const interval = isDefined(bootstrap)
    ? ` (95 % ${bootstrap.low.toFixed(4)} to ${bootstrap.high.toFixed(4)})`
    : '';
  const passed = value >= bound;
  const verb = passed ? 'is not below' : 'is below';
  const message = `it ${verb} the champion by more than ${margin}: difference ${value.toFixed(4)}${interval}`;
  return { name, passed, value, bound, message };
}
