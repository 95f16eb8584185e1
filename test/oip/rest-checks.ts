/** Health, metadata, inference and refusals over HTTP. */
import { type Check, Skip, expectThat } from './check.ts';
import { CLAUSES } from './clauses.ts';
import { assertOutputs, assertSame } from './outputs.ts';
import { type ModelMetadata, type Rest, jsonInput, modelPath } from './rest.ts';
import { type Tensor, nested, tensorsFor } from './tensors.ts';

export interface Asked {
  readonly rest: Rest;
  /** The same server, read without mercy for nulls. */
  readonly strict: Rest;
  /** The model's name. */
  readonly name: string;
  /** Asked once; fails each check that needs it where the server does not tell. */
  readonly metadata: () => Promise<ModelMetadata>;
}

/** No server has it. */
const NOBODY = 'no-such-model-4c1d';
const NO_TENSOR = 'no-such-tensor-4c1d';

/** Triton's whole extension, or the index alone. */
const REPOSITORY = new Set(['model_repository', 'model_repository_index']);

export function healthChecks({ rest, name, metadata }: Asked): Check[] {
  const isOk = (path: string) => async () => {
    const status = await rest.status(path);
    expectThat(status === 200, `status ${status} instead of 200`);
  };
  return [
    { id: 'rest-live', says: 'the server is live', clause: CLAUSES.health, ask: isOk('v2/health/live') },
    { id: 'rest-ready', says: 'the server is ready', clause: CLAUSES.health, ask: isOk('v2/health/ready') },
    {
      id: 'rest-model-ready',
      says: 'the model is ready',
      clause: CLAUSES.health,
      ask: isOk(`${modelPath(name)}/ready`),
    },
    {
      id: 'rest-model-ready-version',
      says: 'the model is ready by its version',
      clause: CLAUSES.health,
      ask: async () => isOk(`${modelPath(name, await versionOf(metadata))}/ready`)(),
    },
    {
      id: 'rest-model-ready-unknown',
      says: 'a model that is not there is not ready',
      clause: CLAUSES.health,
      ask: async () => {
        const status = await rest.status(`${modelPath(NOBODY)}/ready`);
        expectThat(status >= 400, `status ${status} for a model that is not there`);
      },
    },
  ];
}

export function metadataChecks({ rest, strict, name, metadata }: Asked): Check[] {
  const swapped = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  return [
    {
      id: 'rest-server-metadata',
      says: 'the server tells its name, version and extensions',
      clause: CLAUSES.serverMetadata,
      ask: async () => void (await rest.server()),
    },
    {
      id: 'rest-model-metadata',
      says: 'the model tells its name, platform, inputs and outputs, with datatypes and shapes',
      clause: CLAUSES.modelMetadata,
      ask: async () => {
        const told = await strict.model(name);
        expectThat(told.name === name, `the metadata of ${name} name ${told.name}`);
      },
    },
    {
      id: 'rest-model-metadata-version',
      says: 'the metadata of a version that they name are there',
      clause: CLAUSES.modelMetadata,
      ask: async () => {
        const told = await rest.model(name, await versionOf(metadata));
        expectThat(told.name === name, `the metadata of ${name} name ${told.name}`);
      },
    },
    {
      id: 'rest-model-metadata-unknown',
      says: 'of a model that is not there, an error and its text',
      clause: CLAUSES.modelError,
      ask: () => rest.refuses(modelPath(NOBODY)),
    },
    {
      id: 'rest-case-sensitive',
      says: 'names in other letters are other names',
      clause: CLAUSES.caseSensitive,
      ask: async () => {
        if (swapped === name) throw new Skip('the name has no letters');
        await rest.refuses(modelPath(swapped));
      },
    },
    {
      id: 'rest-repository-index',
      says: 'the index of the repository has the model',
      clause: CLAUSES.repository,
      ask: async () => {
        const { extensions } = await rest.server();
        if (!extensions.some((extension) => REPOSITORY.has(extension))) {
          throw new Skip('the server has no model_repository extension');
        }
        const models = await rest.repository();
        expectThat(
          models.some((model) => model.name === name),
          `${name} is not in the index`,
        );
      },
    },
  ];
}

export function inferChecks(asked: Asked): Check[] {
  const { rest, strict, name, metadata } = asked;
  const tensors = async (batch = 1): Promise<Tensor[]> => tensorsFor((await metadata()).inputs, batch);
  const plain = async (more: object = {}): Promise<object> => ({
    id: 'oip-1',
    inputs: (await tensors()).map((tensor) => jsonInput(tensor)),
    ...more,
  });
  return [
    {
      id: 'rest-infer',
      says: 'a flat tensor is answered by the outputs of the metadata, of their datatypes and shapes',
      clause: CLAUSES.responseOutput,
      ask: async () => {
        const answer = await rest.infer(name, await plain());
        expectThat(answer.model === name, `model_name is ${answer.model}`);
        assertOutputs(answer.outputs, (await metadata()).outputs);
      },
    },
    {
      id: 'rest-infer-fields',
      says: 'each field of the answer has a value of its type, or is not there',
      clause: CLAUSES.response,
      ask: async () => void (await strict.infer(name, await plain())),
    },
    {
      id: 'rest-infer-json',
      says: 'the answer is application/json',
      clause: CLAUSES.response,
      ask: async () => {
        const { type } = await rest.infer(name, await plain());
        expectThat(type.startsWith('application/json'), `content-type is ${type}`);
      },
    },
    {
      id: 'rest-infer-nested',
      says: 'a nested tensor is answered as the flat one',
      clause: CLAUSES.tensorData,
      ask: async () => {
        const flat = await rest.infer(name, await plain());
        const inputs = (await tensors()).map((tensor) => jsonInput(tensor, nested(tensor)));
        assertSame((await rest.infer(name, { id: 'oip-1', inputs })).outputs, flat.outputs);
      },
    },
    {
      id: 'rest-infer-version',
      says: 'a version that the metadata name answers',
      clause: CLAUSES.request,
      ask: async () => void (await rest.infer(name, await plain(), await versionOf(metadata))),
    },
    {
      id: 'rest-infer-id',
      says: 'the id of the request comes back',
      clause: CLAUSES.request,
      ask: async () => {
        const { id } = await rest.infer(name, await plain({ id: 'oip-42' }));
        expectThat(id === 'oip-42', `id is ${id}`);
      },
    },
    {
      id: 'rest-infer-no-id',
      says: 'a request without an id is answered',
      clause: CLAUSES.request,
      ask: async () => {
        const inputs = (await tensors()).map((tensor) => jsonInput(tensor));
        await rest.infer(name, { inputs });
      },
    },
    {
      id: 'rest-infer-all-outputs',
      says: 'without a wish all outputs come',
      clause: CLAUSES.request,
      ask: async () => {
        const { outputs } = await rest.infer(name, await plain());
        const have = new Set(outputs.map((output) => output.name));
        const missing = (await metadata()).outputs.filter((output) => !have.has(output.name));
        expectThat(missing.length === 0, `missing: ${missing.map((output) => output.name).join(', ')}`);
      },
    },
    {
      id: 'rest-infer-outputs',
      says: 'of the outputs only those asked for come',
      clause: CLAUSES.output,
      ask: async () => {
        const [first] = (await metadata()).outputs;
        expectThat(first !== undefined, 'the metadata name no output');
        const { outputs } = await rest.infer(name, await plain({ outputs: [{ name: first.name }] }));
        const have = outputs.map((output) => output.name).join(', ');
        expectThat(have === first.name, `asked for ${first.name}, got ${have}`);
      },
    },
    {
      id: 'rest-infer-batch',
      says: 'a batch is answered whole, its first part as alone',
      clause: CLAUSES.input,
      ask: async () => {
        const { inputs } = await metadata();
        if (inputs.some(({ shape }) => shape[0] !== -1))
          throw new Skip('the model takes no batch of any size');
        const alone = await rest.infer(name, await plain());
        const [two, one] = [await tensors(2), await tensors(1)];
        const doubled = two.map((tensor, at) => {
          const data = one[at]?.data ?? [];
          return jsonInput({ ...tensor, data: [...data, ...data] });
        });
        const both = await rest.infer(name, { id: 'oip-1', inputs: doubled });
        const halves = both.outputs.map(({ name: own, datatype, shape, values }) => {
          expectThat(shape[0] === 2, `${own} of two has the shape [${shape.join()}]`);
          const half = values.slice(0, values.length / 2);
          return { name: own, datatype, shape: [1].concat(shape.slice(1)), values: half };
        });
        assertSame(halves, alone.outputs);
      },
    },
    ...refusalChecks(asked, plain),
  ];
}

function refusalChecks({ rest, name, metadata }: Asked, plain: (more?: object) => Promise<object>): Check[] {
  const path = `${modelPath(name)}/infer`;
  const tensor = async (change: (tensor: Tensor) => object): Promise<object> => ({
    inputs: tensorsFor((await metadata()).inputs, 1).map(change),
  });
  const refused = (id: string, says: string, body: () => Promise<object | string>): Check => ({
    id: `rest-refuses-${id}`,
    says: `${says} is refused with an error and its text`,
    clause: CLAUSES.inferError,
    ask: async () => rest.refuses(path, await body()),
  });
  return [
    {
      id: 'rest-refuses-model',
      says: 'an inference by a model that is not there is refused with an error and its text',
      clause: CLAUSES.inferError,
      ask: async () => rest.refuses(`${modelPath(NOBODY)}/infer`, await plain()),
    },
    refused('no-json', 'a body that is no JSON', async () => '{"inputs": ['),
    refused('no-inputs', 'a request without inputs', async () => ({})),
    refused('input-name', 'an input that the model has not', () =>
      tensor((each) => jsonInput({ ...each, name: NO_TENSOR })),
    ),
    refused('datatype', 'a datatype that there is not', () =>
      tensor((each) => jsonInput({ ...each, datatype: 'FP99' })),
    ),
    refused('shape', 'a shape that the model has not', () =>
      tensor((each) => jsonInput({ ...each, shape: [...each.shape, 7], data: [] })),
    ),
    refused('count', 'data that do not fill the shape', () =>
      tensor((each) => jsonInput({ ...each, data: each.data.slice(1) })),
    ),
    refused('output-name', 'an output that the model has not', () =>
      plain({ outputs: [{ name: NO_TENSOR }] }),
    ),
    {
      id: 'rest-after-refusals',
      says: 'after all this the server still answers',
      clause: CLAUSES.health,
      ask: async () => void (await rest.infer(name, await plain())),
    },
  ];
}

export async function versionOf(metadata: () => Promise<ModelMetadata>): Promise<string> {
  const [version] = (await metadata()).versions ?? [];
  if (version === undefined) throw new Skip('the metadata name no version');
  return version;
}
