/** A process of a tracked run, to be killed: tells `epochs` epochs, says so, and waits. Arguments: MLflow, spool, uid, epochs. */
import { createMlflow } from '@hilum/mlflow';
import { RunLog } from '../src/tracking.ts';
import { anEpoch } from './tracked.ts';

const [baseUrl = '', dir = '', uid = '', epochs = '0', required = 'false'] = process.argv.slice(2);
const log = await RunLog.open(
  {
    mlflow: createMlflow({ baseUrl, timeoutMs: 2_000 }),
    experiment: 'outages',
    runName: 'killed',
    trainingRun: { name: 'lung', namespace: 'team-a', uid },
    spool: { dir },
    required: required === 'true',
  },
  { now: Date.now },
);
for (let epoch = 1; epoch <= Number(epochs); epoch += 1) await log.epoch(anEpoch(epoch));
process.stdout.write('told\n');
setInterval(() => undefined, 1_000);
