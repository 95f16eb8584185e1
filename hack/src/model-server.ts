/** MLflow's own scoring server for one registered model: `mlflow models serve`, as a user of plain Python starts it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { supervise } from './supervise.ts';
import { mlflowVenv } from './tools/python.ts';

export interface ModelServer {
  readonly url: string;
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 180_000;

/**
 * @param model `models:/name@alias`
 * @param trackingUri where it is registered
 */
export async function serveWithMlflow(model: string, trackingUri: string): Promise<ModelServer> {
  const { python } = await mlflowVenv();
  const dir = await mkdtemp(join(tmpdir(), 'hilum-model-server-'));
  const port = await freePort('mlflow models serve', '127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  // The environment is the one that the model's requirements.txt names; `local` takes it as it is.
  const serve = ['-m', 'mlflow', 'models', 'serve', '--model-uri', model, '--env-manager', 'local'];
  const command = [python, ...serve, '--host', '127.0.0.1', '--port', String(port)] as const;
  const child = await supervise({
    command,
    dir,
    temporary: true,
    env: {
      // It calls uvicorn by its name, as an activated environment has it.
      PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}`,
      MLFLOW_TRACKING_URI: trackingUri,
      MLFLOW_DISABLE_TELEMETRY: 'true',
    },
  });
  const stop = async (): Promise<void> => {
    await child.kill();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  const deadline = performance.now() + START_DEADLINE_MS;
  while (!child.exited() && performance.now() < deadline) {
    const answer = await fetch(`${url}/ping`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    if (answer?.ok === true) return { url, stop };
    await sleep(250);
  }
  const log = await readFile(join(dir, 'server.log'), 'utf8').catch(() => '');
  await stop();
  throw new Error(`mlflow models serve did not answer\n${log.trimEnd().split('\n').slice(-15).join('\n')}`);
}
