/** The client: one server, all of its calls that Hilum uses. */
import { z } from 'zod';
import { detectCapabilities, type Capabilities } from './capabilities.ts';
import { createArtifacts, type Artifacts } from './artifacts.ts';
import { hasCode } from './errors.ts';
import { createHttp, type MlflowOptions } from './http.ts';
import { createLoggedModels, type LoggedModels } from './logged-models.ts';
import { createRegistry, type Registry } from './registry.ts';
import { createTracking, type Tracking } from './tracking.ts';

export interface MlflowClient extends Tracking, LoggedModels, Registry, Artifacts {
  /** Without credentials. */
  readonly baseUrl: string;
  /** Asks for the version and makes one real call: `/version` alone answers even a host name that all else refuses. */
  ping(signal?: AbortSignal): Promise<{ version: string }>;
  /** What the server can do; asked once, and again only after an error. */
  capabilities(signal?: AbortSignal): Promise<Capabilities>;
}

export function createMlflow(options: MlflowOptions): MlflowClient {
  const http = createHttp(options);
  const tracking = createTracking(http);
  const artifactUriOf = async (runId: string, signal?: AbortSignal): Promise<string> => {
    return (await tracking.getRun(runId, signal)).artifactUri;
  };
  let known: Capabilities | undefined;
  const client: MlflowClient = {
    baseUrl: http.baseUrl.href.replace(/\/$/, ''),
    async ping(signal) {
      const body = { max_results: 1 };
      await http.json({ path: '/api/2.0/mlflow/experiments/search', body, signal }, z.looseObject({}));
      // Hosted servers may not have it.
      const version = await http.text('/version', signal).catch((error: unknown) => {
        if (hasCode(error, 'UNEXPECTED_ANSWER')) return 'unknown';
        throw error;
      });
      return { version: version.trim().slice(0, 40) };
    },
    async capabilities(signal) {
      if (known !== undefined) return known;
      // First of all, as a wrong address would look like a server without any part.
      const { version } = await client.ping(signal);
      known = { version, ...(await detectCapabilities(http, signal)) };
      return known;
    },
    ...tracking,
    ...createLoggedModels(http),
    ...createRegistry(http),
    ...createArtifacts(http, artifactUriOf),
  };
  return client;
}
