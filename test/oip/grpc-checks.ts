/** The protocol over gRPC, held against what the same server says over HTTP. */
import { z } from 'zod';
import { type Check, Skip, expectThat } from './check.ts';
import { CLAUSES } from './clauses.ts';
import type { Grpc } from './grpc.ts';
import { assertOutputs, assertSame } from './outputs.ts';
import { jsonInput } from './rest.ts';
import { type Asked, versionOf } from './rest-checks.ts';
import { type Tensor, bytesOf, tensorsFor, valuesOf } from './tensors.ts';

const live = z.object({ live: z.boolean() });
const ready = z.object({ ready: z.boolean() });
const server = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });
const tensor = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) });
const model = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensor),
  outputs: z.array(tensor),
});
const inferred = z.object({
  model_name: z.string(),
  id: z.string(),
  outputs: z.array(
    tensor.extend({
      contents: z
        .object({ fp32_contents: z.array(z.number()), fp64_contents: z.array(z.number()) })
        .nullable(),
    }),
  ),
  raw_output_contents: z.array(z.instanceof(Uint8Array)),
});

/** @param grpc what asks, or why nothing is asked */
export function grpcChecks(asked: Asked, grpc: Grpc | string): Check[] {
  const { rest, name, metadata } = asked;
  const check = (id: string, says: string, clause: string, ask: (by: Grpc) => Promise<void>): Check => ({
    id: `grpc-${id}`,
    says,
    clause,
    ask: async () => {
      if (typeof grpc === 'string') throw new Skip(grpc);
      await ask(grpc);
    },
  });
  const tensors = async (): Promise<Tensor[]> => tensorsFor((await metadata()).inputs, 1);
  const message = async (more: object = {}): Promise<object> => rawMessage(name, await tensors(), more);
  const overHttp = async () =>
    rest.infer(name, { id: 'oip-1', inputs: (await tensors()).map((each) => jsonInput(each)) });
  return [
    check('live', 'the server is live', CLAUSES.grpcHealth, async (by) => {
      expectThat((await by.call('ServerLive', {}, live)).live, 'live is false');
    }),
    check('ready', 'the server is ready', CLAUSES.grpcHealth, async (by) => {
      expectThat((await by.call('ServerReady', {}, ready)).ready, 'ready is false');
    }),
    check('model-ready', 'the model is ready', CLAUSES.grpcHealth, async (by) => {
      expectThat((await by.call('ModelReady', { name }, ready)).ready, 'ready is false');
    }),
    check(
      'server-metadata',
      'the server says of itself what it says over HTTP',
      CLAUSES.grpcMetadata,
      async (by) => {
        const said = await by.call('ServerMetadata', {}, server);
        const other = await rest.server();
        expectThat(
          said.name === other.name && said.version === other.version,
          `${said.name} ${said.version}`,
        );
        expectThat(
          said.extensions.join() === other.extensions.join(),
          `extensions ${said.extensions.join()}`,
        );
      },
    ),
    check(
      'model-metadata',
      'the model says of itself what it says over HTTP',
      CLAUSES.grpcMetadata,
      async (by) => {
        const { inputs, outputs, platform, ...said } = await by.call('ModelMetadata', { name }, model);
        const other = await metadata();
        expectThat(said.name === name, `the metadata of ${name} name ${said.name}`);
        expectThat(platform === other.platform, `platform ${platform}`);
        expectThat(
          said.versions.join() === (other.versions ?? []).join(),
          `versions ${said.versions.join()}`,
        );
        expectThat(isLike(inputs, other.inputs), 'the inputs are not those of HTTP');
        expectThat(isLike(outputs, other.outputs), 'the outputs are not those of HTTP');
      },
    ),
    check('model-unknown', 'of a model that is not there, an error', CLAUSES.grpcMetadata, (by) =>
      by.refuses('ModelMetadata', { name: 'no-such-model-4c1d' }),
    ),
    check('infer-raw', 'raw tensors are answered as over HTTP', CLAUSES.grpcRaw, async (by) => {
      const answer = await infer(by, await message());
      expectThat(answer.model_name === name, `model_name is ${answer.model_name}`);
      assertOutputs(answer.outputs, (await metadata()).outputs);
      assertSame(answer.outputs, (await overHttp()).outputs);
    }),
    check('infer-typed', 'typed contents are answered as raw ones', CLAUSES.grpcInfer, async (by) => {
      const answer = await infer(by, typedMessage(name, await tensors()));
      assertSame(answer.outputs, (await overHttp()).outputs);
    }),
    check('infer-version', 'a version that the metadata name answers', CLAUSES.grpcInfer, async (by) => {
      const version = await versionOf(metadata);
      await infer(by, await message({ model_version: version }));
    }),
    check('infer-id', 'the id of the request comes back', CLAUSES.grpcInfer, async (by) => {
      const { id } = await infer(by, await message({ id: 'oip-42' }));
      expectThat(id === 'oip-42', `id is ${id}`);
    }),
    check('infer-outputs', 'of the outputs only those asked for come', CLAUSES.grpcInfer, async (by) => {
      const [first] = (await metadata()).outputs;
      expectThat(first !== undefined, 'the metadata name no output');
      const { outputs } = await infer(by, await message({ outputs: [{ name: first.name }] }));
      const have = outputs.map((output) => output.name).join(', ');
      expectThat(have === first.name, `asked for ${first.name}, got ${have}`);
    }),
    check(
      'refuses-model',
      'an inference by a model that is not there is an error',
      CLAUSES.grpcInfer,
      async (by) => by.refuses('ModelInfer', await message({ model_name: 'no-such-model-4c1d' })),
    ),
    check('refuses-both', 'raw and typed contents together are an error', CLAUSES.grpcRaw, async (by) => {
      const { inputs } = typedMessage(name, await tensors());
      await by.refuses('ModelInfer', await message({ inputs }));
    }),
    check(
      'refuses-short',
      'raw contents that do not fill the shape are an error',
      CLAUSES.grpcRaw,
      async (by) => {
        const raw = (await tensors()).map((each) => bytesOf(each).subarray(1));
        await by.refuses('ModelInfer', await message({ raw_input_contents: raw }));
      },
    ),
    check('refuses-count', 'less raw contents than inputs are an error', CLAUSES.grpcRaw, async (by) => {
      const { inputs } = rawMessage(name, await tensors());
      await by.refuses('ModelInfer', { model_name: name, inputs, raw_input_contents: [] });
    }),
    check('refuses-output', 'an output that the model has not is an error', CLAUSES.grpcInfer, async (by) =>
      by.refuses('ModelInfer', await message({ outputs: [{ name: 'no-such-tensor-4c1d' }] })),
    ),
  ];
}

async function infer(by: Grpc, body: object) {
  const answer = await by.call('ModelInfer', body, inferred);
  const raw = answer.raw_output_contents;
  const outputs = answer.outputs.map(({ contents, ...output }, at) => {
    const bytes = raw[at];
    const typed = contents?.fp32_contents.length ? contents.fp32_contents : (contents?.fp64_contents ?? []);
    return { ...output, values: bytes === undefined ? typed : valuesOf(output.datatype, bytes) };
  });
  return { ...answer, outputs };
}

function rawMessage(name: string, tensors: readonly Tensor[], more: object = {}) {
  const inputs = tensors.map(({ name: own, datatype, shape }) => ({ name: own, datatype, shape }));
  return { model_name: name, inputs, raw_input_contents: tensors.map(bytesOf), ...more };
}

/** @throws Skip for a datatype that has no field of its own */
function typedMessage(name: string, tensors: readonly Tensor[]) {
  const inputs = tensors.map(({ name: own, datatype, shape, data }) => {
    const field = FIELDS[datatype];
    if (field === undefined) throw new Skip(`there are no typed contents of ${datatype}`);
    return { name: own, datatype, shape, contents: { [field]: data } };
  });
  return { model_name: name, inputs };
}

const FIELDS: Readonly<Record<string, string>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
};

type Declared = z.infer<typeof tensor>;

function isLike(have: readonly Declared[], want: readonly Declared[]): boolean {
  const words = (list: readonly Declared[]): string =>
    list.map(({ name, datatype, shape }) => `${name} ${datatype} ${shape.join()}`).join('; ');
  return words(have) === words(want);
}
