/** What a server can do, found out by asking: hosted and older ones lack a part, and no version number says which. */
import { z } from 'zod';
import { MlflowError, isMissingCall } from './errors.ts';
import type { Http } from './http.ts';

export interface Capabilities {
  /** As the server tells it; `unknown` where it does not. */
  readonly version: string;
  /** It describes itself by `server-info`, as MLflow 3 does. */
  readonly serverInfo: boolean;
  /** Models as things of their own, which metrics are tied to; since MLflow 3. */
  readonly loggedModels: boolean;
  /** Datasets as inputs of a run; since MLflow 2.4. */
  readonly datasets: boolean;
  readonly registry: boolean;
  /** Of registered models; since MLflow 2.3. */
  readonly aliases: boolean;
  /** For each part that is missing, what is done instead; for people. */
  readonly notes: readonly string[];
}

type Part = 'loggedModels' | 'datasets' | 'registry' | 'aliases';

const NOTES: Readonly<Record<Part, string>> = {
  loggedModels: 'this MLflow knows no logged models: the model is noted at its run instead',
  datasets: 'this MLflow takes no dataset inputs: name and digest are in the parameters and tags of the run',
  registry: 'this MLflow has no model registry: a model cannot be registered; the files are at the run',
  aliases: 'the registry of this MLflow knows no aliases: a version is named by its number',
};

/** @throws MlflowError where a question was neither answered nor refused, such as UNREACHABLE or UNAUTHENTICATED */
export async function detectCapabilities(
  http: Http,
  signal: AbortSignal | undefined,
): Promise<Omit<Capabilities, 'version'>> {
  const has = async (path: string, ask: Question = {}): Promise<boolean> => {
    try {
      await http.json({ path, ...ask, signal }, z.looseObject({}));
      return true;
    } catch (error) {
      return !isAbsence(error);
    }
  };
  const api = '/api/2.0/mlflow';
  const [serverInfo, loggedModels, datasets, registry, aliases] = await Promise.all([
    has('/api/3.0/mlflow/server-info'),
    has(`${api}/logged-models/search`, { body: { experiment_ids: ['0'], max_results: 1 } }),
    // Refused for what is missing in it, by a server that knows the call.
    has(`${api}/runs/log-inputs`, { body: {} }),
    has(`${api}/registered-models/search`, { query: { max_results: 1 } }),
    has(`${api}/registered-models/alias`, { query: { name: 'hilum', alias: 'none' } }),
  ]);
  const found = { loggedModels, datasets, registry, aliases: registry && aliases };
  // Without a registry nobody misses its aliases.
  const notes = (['loggedModels', 'datasets', 'registry', 'aliases'] as const)
    .filter((part) => !found[part] && (part !== 'aliases' || registry))
    .map((part) => NOTES[part]);
  return { serverInfo, ...found, notes };
}

interface Question {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number>>;
}

function isAbsence(error: unknown): boolean {
  if (isMissingCall(error)) return true;
  // A refusal that names a code of MLflow's comes from the call itself; no answer at all says nothing.
  if (error instanceof MlflowError && error.status !== undefined && !error.retryable && error.status !== 401)
    return false;
  throw error;
}
