/** Models as MLflow 3 keeps them, with figures and datasets of their own; and the note that older servers take instead. */
import { z } from 'zod';
import { keyValues, LIMITS } from './batches.ts';
import { hasCode } from './errors.ts';
import type { Http } from './http.ts';

export interface NewLoggedModel {
  readonly experimentId: string;
  /** The run that made it. */
  readonly runId: string;
  /** Alphanumerics, `-`, `_` and spaces; unique within a run as far as `ensureLoggedModel` goes. */
  readonly name: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface LoggedModel {
  /** `m-…`; `models:/<modelId>` names it. */
  readonly modelId: string;
  readonly name: string;
  readonly runId: string;
  readonly status: string;
  /** Where its files would be. */
  readonly artifactUri: string;
  readonly tags: Readonly<Record<string, string>>;
}

interface ModelNote {
  /** Folder of the run that holds the model. */
  readonly artifactPath: string;
  readonly modelUuid: string;
  readonly createdAtMs: number;
  /** Names of the forms in which the model is there, such as `onnx`. */
  readonly flavors: readonly string[];
}

/** Every call throws MlflowError, or the reason of `signal`. */
export interface LoggedModels {
  /** The model of this name and run, made where there is none; its tags are set anew. */
  ensureLoggedModel(model: NewLoggedModel, signal?: AbortSignal): Promise<LoggedModel>;
  /** No more is to come: the model can be used. */
  finishLoggedModel(modelId: string, signal?: AbortSignal): Promise<void>;
  /** Says that a run made the model. */
  logOutput(runId: string, modelId: string, step: number, signal?: AbortSignal): Promise<void>;
  /** For servers without logged models: the run's page then shows the folder as a model. */
  noteModel(runId: string, note: ModelNote, signal?: AbortSignal): Promise<void>;
}

const API = '/api/2.0/mlflow';

export function createLoggedModels(http: Http): LoggedModels {
  async function find(
    { experimentId, runId, name }: NewLoggedModel,
    signal: AbortSignal | undefined,
  ): Promise<LoggedModel | undefined> {
    const filter = `source_run_id = '${runId}'`;
    const body = { experiment_ids: [experimentId], filter, max_results: 50 };
    const { models } = await http.json({ path: `${API}/logged-models/search`, body, signal }, searchAnswer);
    return models.find((model) => model.name === name);
  }

  return {
    async ensureLoggedModel(model, signal) {
      const known = await find(model, signal);
      const tags = keyValues(model.tags, 'tag', LIMITS.tagLength);
      if (known !== undefined) {
        const path = `${API}/logged-models/${known.modelId}/tags`;
        if (tags.length > 0) await http.json({ path, method: 'PATCH', body: { tags }, signal }, nothing);
        return { ...known, tags: { ...known.tags, ...model.tags } };
      }
      const body = {
        experiment_id: model.experimentId,
        source_run_id: model.runId,
        name: model.name,
        params: keyValues(model.params, 'parameter', LIMITS.paramLength),
        tags,
      };
      const request = { path: `${API}/logged-models`, body, idempotent: false, signal };
      return (await http.json(request, modelAnswer)).model;
    },

    async finishLoggedModel(modelId, signal) {
      const body = { model_id: modelId, status: 'LOGGED_MODEL_READY' };
      await http.json({ path: `${API}/logged-models/${modelId}`, method: 'PATCH', body, signal }, nothing);
    },

    async logOutput(runId, modelId, step, signal) {
      const body = { run_id: runId, models: [{ model_id: modelId, step }] };
      try {
        await http.json({ path: `${API}/runs/outputs`, body, signal }, nothing);
      } catch (error) {
        // Told before: on 3.17 the database's own refusal comes through, as 400 BAD_REQUEST.
        if (!hasCode(error, 'BAD_REQUEST') || !/unique ?(?:constraint|violation)/i.test(error.message))
          throw error;
      }
    },

    async noteModel(runId, { artifactPath, modelUuid, createdAtMs, flavors }, signal) {
      const model = {
        artifact_path: artifactPath,
        flavors: Object.fromEntries(flavors.map((flavor) => [flavor, {}])),
        model_uuid: modelUuid,
        run_id: runId,
        // As Python writes a time.
        utc_time_created: new Date(createdAtMs).toISOString().replace('T', ' ').replace('Z', '000'),
      };
      const body = { run_id: runId, model_json: JSON.stringify(model) };
      await http.json({ path: `${API}/runs/log-model`, body, signal }, nothing);
    },
  };
}

const nothing = z.looseObject({});

const modelSchema = z
  .object({
    info: z.object({
      model_id: z.string(),
      name: z.string().default(''),
      source_run_id: z.string().default(''),
      status: z.union([z.string(), z.number()]).transform(String).default(''),
      artifact_uri: z.string().default(''),
      tags: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]),
    }),
  })
  .transform(({ info }): LoggedModel => {
    return {
      modelId: info.model_id,
      name: info.name,
      runId: info.source_run_id,
      status: info.status,
      artifactUri: info.artifact_uri,
      tags: Object.fromEntries(info.tags.map((tag) => [tag.key, tag.value])),
    };
  });

const modelAnswer = z.object({ model: modelSchema });
const searchAnswer = z.object({ models: z.array(modelSchema).default([]) });
