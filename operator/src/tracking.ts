/** What the operator asks of MLflow. */
import { createMlflow, MlflowError, type MlflowClient } from '@hilum/mlflow';
import type { OperatorConfig } from './config.ts';
import type { Closing } from './training/decide.ts';
import type { TrackedRun } from './training/world.ts';

export interface RunQuestion {
  readonly uri: string;
  readonly experiment: string;
  /** Of the TrainingRun. */
  readonly uid: string;
}

export interface ClosingQuestion extends RunQuestion {
  readonly status: Closing;
}

export interface ModelQuestion {
  readonly uri: string;
  readonly name: string;
  readonly alias?: string;
  readonly version?: string;
}

/** A version that the registry named. */
export interface ResolvedModel {
  readonly version: string;
  /** The tag that the trainer leaves; absent on versions that others made. */
  readonly digest?: string;
  readonly runId: string;
}

export interface MlflowAccess {
  /** The run of a TrainingRun, null where MLflow has none (yet). */
  trackedRun(question: RunQuestion, signal: AbortSignal): Promise<TrackedRun | null>;
  /** Ends the run if it is open; true also when there is none. */
  closeRun(question: ClosingQuestion, signal: AbortSignal): Promise<true>;
  resolveModel(question: ModelQuestion, signal: AbortSignal): Promise<ResolvedModel>;
}

const UID_TAG = 'hilum.trainingrun.uid';
const DIGEST_TAG = 'hilum.digest';
// The pollers ask again anyway, so a call gives up early and is not repeated.
const TIMEOUT_MS = 5_000;

/** `now` in milliseconds since 1970: the end time of a run that is closed. */
export function createMlflowAccess(config: OperatorConfig, now: () => number): MlflowAccess {
  const clients = new Map<string, MlflowClient>();
  const experiments = new Map<string, string>();

  function clientOf(uri: string): MlflowClient {
    const known = clients.get(uri);
    if (known !== undefined) return known;
    // Our credentials are for our server. An address from a spec may be anyone's.
    const credentials = uri === config.mlflowUri ? config.mlflowCredentials : undefined;
    const made = createMlflow({ baseUrl: uri, timeoutMs: TIMEOUT_MS, attempts: 1, ...credentials });
    clients.set(uri, made);
    return made;
  }

  async function find({ uri, experiment, uid }: RunQuestion, signal: AbortSignal) {
    const client = clientOf(uri);
    const key = JSON.stringify([uri, experiment]);
    const experimentId = experiments.get(key) ?? (await client.ensureExperiment(experiment, signal));
    experiments.set(key, experimentId);
    try {
      return { client, run: await client.findRunByTag(experimentId, UID_TAG, uid, signal) };
    } catch (error) {
      // The store behind MLflow may have been made anew: look the experiment up again next time.
      experiments.delete(key);
      throw error;
    }
  }

  return {
    trackedRun: async (question, signal) => {
      const { run } = await find(question, signal);
      if (run === undefined) return null;
      const { experimentId, runId, status, metrics } = run;
      const { epoch, 'val/auc_roc': aucRoc } = metrics;
      return {
        experimentId,
        runId,
        status,
        ...(epoch === undefined ? {} : { epoch }),
        ...(aucRoc === undefined || Number.isNaN(aucRoc) ? {} : { aucRoc }),
      };
    },
    closeRun: async (question, signal) => {
      const { client, run } = await find(question, signal);
      const open = run !== undefined && (run.status === 'RUNNING' || run.status === 'SCHEDULED');
      if (open) await client.updateRun(run.runId, { status: question.status, endTimeMs: now() }, signal);
      return true;
    },
    resolveModel: async ({ uri, name, alias, version }, signal) => {
      const address = alias === undefined ? `models:/${name}/${version}` : `models:/${name}@${alias}`;
      const found = await clientOf(uri).resolveModel(address, signal);
      const digest = found.tags[DIGEST_TAG];
      return { version: found.version, runId: found.runId, ...(digest === undefined ? {} : { digest }) };
    },
  };
}

/** Why MLflow gave no answer, in the words of our reasons. */
export function reasonOfMlflow(
  error: unknown,
): 'TrackingUnreachable' | 'TrackingRefused' | 'ModelNotFound' | 'AliasNotFound' {
  if (!(error instanceof MlflowError) || error.retryable) return 'TrackingUnreachable';
  switch (error.code) {
    case 'MODEL_NOT_FOUND':
      return 'ModelNotFound';
    case 'ALIAS_NOT_FOUND':
      return 'AliasNotFound';
    default:
      return 'TrackingRefused';
  }
}
