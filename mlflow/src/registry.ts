/** Registered models, their versions and aliases. */
import { z } from 'zod';
import { keyValues } from './batches.ts';
import { MlflowError, hasCode, isMissingCall } from './errors.ts';
import type { Http } from './http.ts';
import { parseModelUri } from './model-uri.ts';

export interface ModelVersion {
  readonly name: string;
  readonly version: string;
  /** Where its files are, for example `mlflow-artifacts:/1/<run>/artifacts/model`. */
  readonly source: string;
  /** Empty for a version that no run made. */
  readonly runId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly aliases: readonly string[];
}

export interface NewModelVersion {
  readonly name: string;
  /** `${run.artifactUri}/<path>` of an uploaded model directory; plain Python and `downloadModel` both read that. */
  readonly source: string;
  readonly runId: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * Every call throws MlflowError, or the reason of `signal`; REGISTRY_MISSING and ALIASES_MISSING where the server does
 * not know it.
 */
export interface Registry {
  ensureRegisteredModel(name: string, signal?: AbortSignal): Promise<void>;
  /** Safe to repeat: a version of this run with the same source and tags is returned instead of a second one. */
  createModelVersion(version: NewModelVersion, signal?: AbortSignal): Promise<ModelVersion>;
  /** Throws MODEL_NOT_FOUND. */
  getModelVersion(name: string, version: string, signal?: AbortSignal): Promise<ModelVersion>;
  /** undefined where the model or the alias is missing; `resolveModel` says which. */
  getModelVersionByAlias(
    name: string,
    alias: string,
    signal?: AbortSignal,
  ): Promise<ModelVersion | undefined>;
  setAlias(name: string, alias: string, version: string, signal?: AbortSignal): Promise<void>;
  setModelVersionTag(
    name: string,
    version: string,
    key: string,
    value: string,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Throws MODEL_URI_INVALID, ALIAS_NOT_FOUND or MODEL_NOT_FOUND. */
  resolveModel(uri: string, signal?: AbortSignal): Promise<ModelVersion>;
}

const API = '/api/2.0/mlflow';
const LONGEST_TAG = 100_000; // MAX_MODEL_REGISTRY_TAG_VALUE_LENGTH

export function createRegistry(transport: Http): Registry {
  const http: Pick<Http, 'json'> = {
    json: (request, schema) =>
      transport.json(request, schema).catch((error: unknown) => {
        throw isMissingCall(error) ? missingCall(request.path, error, transport.baseUrl) : error;
      }),
  };

  /** The version that an earlier try of the same creation left. */
  async function alreadyCreated(
    wanted: NewModelVersion,
    signal: AbortSignal | undefined,
  ): Promise<ModelVersion | undefined> {
    const filter = `name='${wanted.name}' and run_id='${wanted.runId}'`;
    const query = { filter, max_results: 1000 };
    const answer = await http.json({ path: `${API}/model-versions/search`, query, signal }, searchAnswer);
    const tags = Object.entries(wanted.tags ?? {});
    return answer.model_versions.find(
      (version) =>
        version.source === wanted.source && tags.every(([key, value]) => version.tags[key] === value),
    );
  }

  async function byAlias(
    name: string,
    alias: string,
    signal: AbortSignal | undefined,
  ): Promise<ModelVersion | undefined> {
    try {
      const request = { path: `${API}/registered-models/alias`, query: { name, alias }, signal };
      return (await http.json(request, versionAnswer)).model_version;
    } catch (error) {
      // A missing alias is 400 INVALID_PARAMETER_VALUE, a missing model 404 RESOURCE_DOES_NOT_EXIST.
      if (hasCode(error, 'INVALID_PARAMETER_VALUE', 'RESOURCE_DOES_NOT_EXIST')) return undefined;
      throw error;
    }
  }

  async function byNumber(
    name: string,
    version: string,
    signal: AbortSignal | undefined,
  ): Promise<ModelVersion> {
    try {
      const request = { path: `${API}/model-versions/get`, query: { name, version }, signal };
      return (await http.json(request, versionAnswer)).model_version;
    } catch (cause) {
      if (!hasCode(cause, 'RESOURCE_DOES_NOT_EXIST')) throw cause;
      const message = `the registry has no version ${version} of the model "${name}"`;
      throw new MlflowError('MODEL_NOT_FOUND', message, { status: 404, cause });
    }
  }

  async function missing(name: string, alias: string, signal: AbortSignal | undefined): Promise<MlflowError> {
    try {
      await http.json({ path: `${API}/registered-models/get`, query: { name }, signal }, nothing);
    } catch (cause) {
      if (!hasCode(cause, 'RESOURCE_DOES_NOT_EXIST')) throw cause;
      return new MlflowError('MODEL_NOT_FOUND', `the registry has no model "${name}"`, {
        status: 404,
        cause,
      });
    }
    return new MlflowError('ALIAS_NOT_FOUND', `the model "${name}" has no alias "${alias}"`, { status: 404 });
  }

  return {
    async ensureRegisteredModel(name, signal) {
      try {
        await http.json({ path: `${API}/registered-models/create`, body: { name }, signal }, nothing);
      } catch (error) {
        if (!hasCode(error, 'RESOURCE_ALREADY_EXISTS')) throw error;
      }
    },

    async createModelVersion(wanted, signal) {
      const known = await alreadyCreated(wanted, signal);
      if (known !== undefined) return known;
      const { name, source, runId } = wanted;
      const tags = keyValues(wanted.tags, 'tag', LONGEST_TAG);
      const body = { name, source, run_id: runId, tags };
      const request = { path: `${API}/model-versions/create`, body, idempotent: false, signal };
      return (await http.json(request, versionAnswer)).model_version;
    },

    getModelVersion: byNumber,
    getModelVersionByAlias: byAlias,

    async setAlias(name, alias, version, signal) {
      const body = { name, alias, version };
      await http.json({ path: `${API}/registered-models/alias`, body, signal }, nothing);
    },

    async setModelVersionTag(name, version, key, value, signal) {
      const [tag] = keyValues({ [key]: value }, 'tag', LONGEST_TAG);
      const body = { name, version, ...tag };
      await http.json({ path: `${API}/model-versions/set-tag`, body, signal }, nothing);
    },

    async resolveModel(uri, signal) {
      const wanted = parseModelUri(uri);
      if ('version' in wanted) return byNumber(wanted.name, wanted.version, signal);
      const found = await byAlias(wanted.name, wanted.alias, signal);
      if (found === undefined) throw await missing(wanted.name, wanted.alias, signal);
      return found;
    },
  };
}

function missingCall(path: string, cause: MlflowError, { origin }: URL): MlflowError {
  const ofAliases = path.endsWith('/alias');
  const what = ofAliases ? 'knows no aliases of models' : 'has no model registry';
  const todo = ofAliases
    ? 'use MLflow 2.3 or newer, or name a version by its number'
    : 'use a server that has one, or register nothing: what the run logged is complete';
  const code = ofAliases ? 'ALIASES_MISSING' : 'REGISTRY_MISSING';
  return new MlflowError(code, `MLflow at ${origin} ${what}; ${todo}`, { status: cause.status, cause });
}

const nothing = z.looseObject({});

const versionSchema = z
  .object({
    name: z.string(),
    version: z.coerce.string(),
    source: z.string().default(''),
    run_id: z.string().default(''),
    tags: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]),
    aliases: z.array(z.string()).default([]),
  })
  .transform(({ name, version, source, run_id: runId, tags, aliases }): ModelVersion => {
    return {
      name,
      version,
      source,
      runId,
      tags: Object.fromEntries(tags.map((tag) => [tag.key, tag.value])),
      aliases,
    };
  });

const versionAnswer = z.object({ model_version: versionSchema });
const searchAnswer = z.object({ model_versions: z.array(versionSchema).default([]) });
