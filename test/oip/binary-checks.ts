/** Triton's binary tensor extension. */
import { type Check, Skip, expectThat } from './check.ts';
import { CLAUSES } from './clauses.ts';
import { assertSame } from './outputs.ts';
import { BinaryBody, binaryBody, jsonInput, modelPath } from './rest.ts';
import type { Asked } from './rest-checks.ts';
import { bytesOf, tensorsFor } from './tensors.ts';

export function binaryChecks({ rest, name, metadata }: Asked): Check[] {
  const path = `${modelPath(name)}/infer`;
  const check = (id: string, says: string, ask: () => Promise<void>): Check => ({
    id: `binary-${id}`,
    says,
    clause: CLAUSES.binary,
    ask: async () => {
      const { extensions } = await rest.server();
      if (!extensions.includes('binary_tensor_data')) throw new Skip('the server has no binary_tensor_data');
      await ask();
    },
  });
  const tensors = async () => tensorsFor((await metadata()).inputs, 1);
  const asJson = async () =>
    rest.infer(name, { id: 'oip-1', inputs: (await tensors()).map((each) => jsonInput(each)) });
  const firstOutput = async () => {
    const [first] = (await metadata()).outputs;
    expectThat(first !== undefined, 'the metadata name no output');
    return first.name;
  };
  return [
    check('in', 'a tensor as bytes is answered as in JSON', async () => {
      const answer = await rest.infer(name, binaryBody(await tensors()));
      assertSame(answer.outputs, (await asJson()).outputs);
      expectThat(
        answer.outputs.every(({ isBinary }) => !isBinary),
        'outputs are binary without having been asked for so',
      );
    }),
    check('out', 'an output asked for as bytes comes as bytes, with the same numbers', async () => {
      const output = { name: await firstOutput(), parameters: { binary_data: true } };
      const answer = await rest.infer(name, binaryBody(await tensors(), { outputs: [output] }));
      expectThat(answer.outputs[0]?.isBinary === true, 'the output is not binary');
      const want = (await asJson()).outputs.filter((each) => each.name === output.name);
      assertSame(answer.outputs, want);
    }),
    check('out-of-json', 'a request in JSON may ask for bytes', async () => {
      const inputs = (await tensors()).map((each) => jsonInput(each));
      const outputs = [{ name: await firstOutput(), parameters: { binary_data: true } }];
      const answer = await rest.infer(name, { inputs, outputs });
      expectThat(answer.outputs[0]?.isBinary === true, 'the output is not binary');
    }),
    check('all', 'binary_data_output makes every output bytes', async () => {
      const answer = await rest.infer(
        name,
        binaryBody(await tensors(), { parameters: { binary_data_output: true } }),
      );
      expectThat(
        answer.outputs.every(({ isBinary }) => isBinary),
        'an output is not binary',
      );
      assertSame(answer.outputs, (await asJson()).outputs);
    }),
    check('override', 'binary_data of an output is stronger than binary_data_output', async () => {
      const outputs = [{ name: await firstOutput(), parameters: { binary_data: false } }];
      const body = binaryBody(await tensors(), { parameters: { binary_data_output: true }, outputs });
      const answer = await rest.infer(name, body);
      expectThat(answer.outputs[0]?.isBinary === false, 'the output is binary all the same');
    }),
    check('short', 'bytes that are too few are refused with an error and its text', async () => {
      const { json, rest: bytes } = binaryBody(await tensors());
      await rest.refuses(path, new BinaryBody(json, bytes.subarray(1)));
    }),
    check('size', 'a binary_data_size that is not the tensor’s is refused', async () => {
      const inputs = (await tensors()).map((tensor) => ({
        name: tensor.name,
        datatype: tensor.datatype,
        shape: tensor.shape,
        parameters: { binary_data_size: bytesOf(tensor).byteLength - 1 },
      }));
      const bytes = Buffer.concat((await tensors()).map((tensor) => bytesOf(tensor).subarray(1)));
      await rest.refuses(path, new BinaryBody({ inputs }, bytes));
    }),
    check('length', 'a length of the JSON beyond the body is refused', async () => {
      const { json, rest: bytes } = binaryBody(await tensors());
      await rest.refuses(path, new BinaryBody(json, bytes, 1_000_000_000));
    }),
  ];
}
