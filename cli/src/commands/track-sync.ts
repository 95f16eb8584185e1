/** `hilum track-sync`: what a run left on disk while MLflow was away, to MLflow. */
import { createMlflow } from '@hilum/mlflow';
import { catchUp } from '@hilum/trainer';
import type { Io } from '../command.ts';
import { integer, noMore, required } from '../flags.ts';

interface Values {
  readonly spool?: string;
  readonly mlflow?: string;
  readonly wait?: string;
  readonly json?: boolean;
}

export const trackSyncCommand = {
  name: 'track-sync',
  summary: 'Sends to MLflow, in order, what a training run left in its spool. Safe to repeat.',
  usage: 'hilum track-sync --spool DIR --mlflow URL [--wait SECONDS] [--json]',
  options: {
    spool: { type: 'string', description: 'the folder that the run named when it ended without MLflow' },
    mlflow: { type: 'string', description: 'tracking server; default $HILUM_MLFLOW_URI' },
    wait: {
      type: 'string',
      description: 'seconds that MLflow may be away meanwhile, 0 to 86400; default 120',
    },
    json: { type: 'boolean', description: 'print what was sent and refused as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const dir = required('spool', values.spool);
  const baseUrl = required('mlflow', values.mlflow ?? process.env['HILUM_MLFLOW_URI']);
  const withinMs = 1000 * integer('wait', values.wait, { fallback: 120, min: 0, max: 86_400 });
  const mlflow = createMlflow({
    baseUrl,
    username: process.env['MLFLOW_TRACKING_USERNAME'],
    password: process.env['MLFLOW_TRACKING_PASSWORD'],
    token: process.env['MLFLOW_TRACKING_TOKEN'],
  });
  const result = await catchUp(dir, mlflow, {
    now: Date.now,
    signal: io.signal,
    withinMs,
    onEvent: (event) => {
      if (event.type === 'tracking-away') io.stderr.write(`waiting for MLflow: ${event.message}\n`);
      if (event.type === 'tracking-note') io.stderr.write(`${event.note}\n`);
    },
  });
  const { entries, refused } = result;
  for (const reason of refused) io.stderr.write(`refused: ${reason}\n`);
  io.stdout.write(values.json === true ? `${JSON.stringify(result)}\n` : `sent ${entries} entries\n`);
  return refused.length === 0 ? 0 : 69;
}
