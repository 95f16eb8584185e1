/** A real MLflow that can be cut off, and runs that are told to it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startMlflow, type MlflowServer } from '@hilum/hack';
import { createMlflow, type MlflowClient, type MlflowOptions } from '@hilum/mlflow';
import type { PackageInfo } from '@hilum/model';
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest';
import { RunLog, type TrackingEvent, type TrackingOptions } from '../src/tracking.ts';
import { startRelay, type Relay } from './relay.ts';
import { scratchDir } from './scratch.ts';
import { aPackage, anEpoch } from './tracked.ts';

/** What there is once the tests of a file have begun; a run and its spool are another in each test. */
export interface Outages {
  readonly scratch: string;
  readonly server: MlflowServer;
  /** Between us and the server. */
  readonly way: Relay;
  readonly mlflow: MlflowClient;
  readonly packaged: PackageInfo;
  readonly uid: string;
  readonly spoolDir: string;
  readonly events: readonly TrackingEvent[];
  client(options: Partial<MlflowOptions>): MlflowClient;
  openRun(changes?: Partial<TrackingOptions>): Promise<RunLog>;
  types(): string[];
  seen(type: TrackingEvent['type']): Promise<void>;
  /** A real end of the server, with all of its processes. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  post(path: string, body: unknown): Promise<unknown>;
}

export function outages(name: string): Outages {
  const scratch = scratchDir(name);
  const place = join(scratch, 'mlflow');
  let server: MlflowServer;
  let way: Relay;
  let mlflow: MlflowClient;
  let packaged: PackageInfo;
  let events: TrackingEvent[] = [];
  let runs = 0;

  beforeAll(async () => {
    await mkdir(place);
    [server, packaged] = await Promise.all([startMlflow({ dir: place }), aPackage(join(scratch, 'package'))]);
    way = await startRelay(server.url);
    // An outage is seen after two seconds: a run of a test has no hours.
    mlflow = createMlflow({ baseUrl: way.url, timeoutMs: 2_000 });
  });
  beforeEach(() => {
    events = [];
    runs += 1;
  });
  afterAll(async () => {
    await way?.cut();
    await server?.stop();
  });

  const onEvent = (event: TrackingEvent): void => void events.push(event);
  const types = (): string[] => events.map(({ type }) => type);
  return {
    scratch,
    get server() {
      return server;
    },
    get way() {
      return way;
    },
    get mlflow() {
      return mlflow;
    },
    get packaged() {
      return packaged;
    },
    get uid() {
      return `uid-${runs}`;
    },
    get spoolDir() {
      return join(scratch, `spool-${runs}`);
    },
    get events() {
      return events;
    },
    client: (options) => createMlflow({ baseUrl: way.url, ...options }),
    openRun(changes = {}) {
      const trainingRun = { name: 'lung', namespace: 'team-a', uid: this.uid };
      const spool = { dir: this.spoolDir };
      const options = { mlflow, experiment: 'outages', runName: 'run', trainingRun, spool, onEvent };
      return RunLog.open({ ...options, ...changes }, { now: Date.now });
    },
    types,
    seen: (type) => vi.waitFor(() => expect(types()).toContain(type), { timeout: 60_000 }),
    kill: () => server.stop(),
    restart: async () => {
      server = await startMlflow({ dir: place, port: Number(new URL(server.url).port) });
    },
    post: async (path, body) => {
      const headers = { 'content-type': 'application/json' };
      const url = `${server.url}/api/2.0/mlflow/${path}`;
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
    },
  };
}

/** 1 to `upTo`. */
export const steps = (upTo: number): number[] => Array.from({ length: upTo }, (_, at) => at + 1);

/** Every epoch once, in order, with the time and the values that it was told with. */
export async function expectEpochs(mlflow: MlflowClient, runId: string, upTo: number): Promise<void> {
  for (const key of ['epoch', 'train/loss', 'val/loss', 'val/accuracy', 'val/auc_roc']) {
    const history = await mlflow.metricHistory(runId, key);
    expect(history.map(({ step }) => step)).toEqual(steps(upTo));
    expect(history.map(({ timestampMs }) => timestampMs)).toEqual(
      steps(upTo).map((epoch) => anEpoch(epoch).endedAtMs),
    );
  }
  const losses = await mlflow.metricHistory(runId, 'train/loss');
  expect(losses.map(({ value }) => value)).toEqual(steps(upTo).map((epoch) => anEpoch(epoch).loss));
}
