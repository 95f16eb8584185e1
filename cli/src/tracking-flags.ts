/** Flags of a run that MLflow knows of: where it is recorded, under what name its model goes, and past which gate. */
import { createMlflow } from '@hilum/mlflow';
import type { TrainOptions } from '@hilum/trainer';
import { UsageError } from './command.ts';
import { number, oneOf } from './flags.ts';

export const trackingFlags = {
  mlflow: {
    type: 'string',
    description: 'tracking server; default $HILUM_MLFLOW_URI, else the run is not tracked',
  },
  experiment: { type: 'string', description: 'MLflow experiment; default hilum' },
  'mlflow-optional': {
    type: 'boolean',
    description: 'train without MLflow where it does not answer; see hilum track-sync',
  },
  spool: {
    type: 'string',
    description:
      'folder for what MLflow cannot be told yet; default a temporary one, named where it is needed',
  },
  register: { type: 'string', description: 'name under which the model is registered in MLflow' },
  alias: { type: 'string', description: 'moved to the new version past the gate; default champion' },
  'min-auc': { type: 'string', description: 'gate: least AUC-ROC on the test part, 0 to 1' },
  'min-auc-lower95': {
    type: 'string',
    description: 'gate: least lower end of its 95 % interval by a bootstrap over patients, 0 to 1',
  },
  'beats-shortcuts': {
    type: 'boolean',
    description: 'gate: better than file size, mean grey, image shape and a known diameter alone',
  },
  'max-below-champion': {
    type: 'string',
    description: 'gate: AUC-ROC at most so much below the model under the alias, 0 to 1',
  },
  'gate-level': { type: 'string', description: 'judged by image, unit or patient; default image' },
} as const;

type Flag = keyof typeof trackingFlags;
export type TrackingValues = {
  readonly [Name in Flag]?: (typeof trackingFlags)[Name]['type'] extends 'boolean' ? boolean : string;
};

const ABOUT_REGISTRATION = [
  'alias',
  'min-auc',
  'min-auc-lower95',
  'beats-shortcuts',
  'max-below-champion',
  'gate-level',
] as const satisfies readonly Flag[];

/** @throws UsageError */
export function trackingOf(values: TrackingValues): Pick<TrainOptions, 'tracking' | 'registration'> {
  const baseUrl = values.mlflow ?? process.env['HILUM_MLFLOW_URI'];
  const model = values.register;
  const idle = ABOUT_REGISTRATION.find((flag) => values[flag] !== undefined);
  if (model === undefined && idle !== undefined) {
    throw new UsageError(`--${idle} is about a model that is registered: add --register NAME`);
  }
  const gate = gatesOf(values);
  if (baseUrl === undefined) {
    if (model !== undefined) throw new UsageError('--register needs --mlflow URL');
    return {};
  }
  const mlflow = createMlflow({
    baseUrl,
    username: process.env['MLFLOW_TRACKING_USERNAME'],
    password: process.env['MLFLOW_TRACKING_PASSWORD'],
    token: process.env['MLFLOW_TRACKING_TOKEN'],
  });
  const tracking = {
    mlflow,
    experiment: values.experiment ?? 'hilum',
    runName: 'hilum train',
    required: values['mlflow-optional'] !== true,
    ...(values.spool !== undefined && { spool: { dir: values.spool } }),
  };
  if (model === undefined) return { tracking };
  return { tracking, registration: { model, alias: values.alias ?? 'champion', gate } };
}

type Gates = NonNullable<NonNullable<TrainOptions['registration']>['gate']>;

function gatesOf(values: TrackingValues): Gates {
  const level = oneOf('gate-level', values['gate-level'], ['image', 'unit', 'patient']);
  const share = (flag: 'min-auc' | 'min-auc-lower95' | 'max-below-champion'): number | undefined => {
    const value = number(flag, values[flag], { fallback: Number.NaN, min: 0, max: 1 });
    return Number.isNaN(value) ? undefined : value;
  };
  const minAucRoc = share('min-auc');
  const minAucRocLower95 = share('min-auc-lower95');
  const margin = share('max-below-champion');
  return {
    ...(level !== undefined && { level }),
    ...(minAucRoc !== undefined && { minAucRoc }),
    ...(minAucRocLower95 !== undefined && { minAucRocLower95 }),
    ...(values['beats-shortcuts'] === true && { beatsShortcuts: true }),
    ...(margin !== undefined && { notBelowChampion: { margin } }),
  };
}
