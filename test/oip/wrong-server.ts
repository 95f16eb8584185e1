/** A server of the protocol that is right, but for the mistakes that it is told to make. */
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

/** What servers have been seen to do, and what nobody should. */
export type Mistake =
  | 'error is a number'
  | 'errors are 200'
  | 'forgets the id'
  | 'reads the first value only'
  | 'counts a batch as one'
  | 'takes any model'
  | 'takes any datatype'
  | 'sends every output'
  | 'answers bytes in JSON'
  | 'is not ready'
  | 'shapes are text'
  | 'writes null for nothing';

interface WrongServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

const requestSchema = z.object({
  id: z.string().optional(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        datatype: z.string(),
        shape: z.array(z.number()),
        data: z.array(z.unknown()).optional(),
        parameters: z.object({ binary_data_size: z.number() }).optional(),
      }),
    )
    .min(1),
  outputs: z
    .array(
      z.object({
        name: z.string(),
        parameters: z.object({ binary_data: z.boolean().optional() }).optional(),
      }),
    )
    .optional(),
  parameters: z.object({ binary_data_output: z.boolean().optional() }).optional(),
});

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly bytes?: Buffer;
}

/** Two outputs of one input `x [-1, 4]`: the sum of each row, and its negative. */
export async function startWrongServer(...mistakes: readonly Mistake[]): Promise<WrongServer> {
  const makes = (mistake: Mistake): boolean => mistakes.includes(mistake);
  const server = createServer((request, response) => {
    void send(request, response, makes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Makes = (mistake: Mistake) => boolean;

async function send(request: IncomingMessage, response: ServerResponse, makes: Makes): Promise<void> {
  const reply = answer(request, await bodyOf(request), makes);
  const json = Buffer.from(JSON.stringify(reply.body));
  const isBinary = reply.bytes !== undefined;
  response.writeHead(reply.status, {
    'content-type': isBinary ? 'application/octet-stream' : 'application/json',
    ...(isBinary ? { 'inference-header-content-length': String(json.byteLength) } : {}),
  });
  response.end(isBinary ? Buffer.concat([json, reply.bytes]) : json);
}

function answer({ url = '', headers }: IncomingMessage, body: Buffer, makes: Makes): Reply {
  const refuse = (text: string): Reply => ({
    status: makes('errors are 200') ? 200 : 400,
    body: { error: makes('error is a number') ? 400 : text },
  });
  if (url === '/v2') {
    const extensions = ['binary_tensor_data', 'model_repository'];
    return { status: 200, body: { name: 'wrong', version: '1', extensions } };
  }
  if (url === '/v2/health/live') return { status: 200, body: {} };
  if (url === '/v2/health/ready') return { status: makes('is not ready') ? 503 : 200, body: {} };
  if (url === '/v2/repository/index') return { status: 200, body: [{ name: 'm', state: 'READY' }] };
  const [, name, rest] = /^\/v2\/models\/([^/]+)(?:\/versions\/1)?(\/.*)?$/.exec(url) ?? [];
  if (name === undefined || (name !== 'm' && !makes('takes any model'))) return refuse('no such model');
  if (rest === '/ready') return { status: 200, body: {} };
  if (rest === '/infer') return infer(headers['inference-header-content-length'], body, { makes, refuse });
  return { status: 200, body: metadata(makes) };
}

function metadata(makes: Makes): object {
  const tensor = (name: string, shape: number[]) => ({
    name,
    datatype: 'FP32',
    shape: makes('shapes are text') ? shape.map(String) : shape,
  });
  return {
    name: 'm',
    versions: makes('writes null for nothing') ? null : ['1'],
    platform: 'sums',
    inputs: [tensor('x', [-1, 4])],
    outputs: [tensor('sum', [-1, 1]), tensor('negative', [-1, 1])],
  };
}

function infer(
  header: string | string[] | undefined,
  body: Buffer,
  { makes, refuse }: { readonly makes: Makes; readonly refuse: (text: string) => Reply },
): Reply {
  const length = header === undefined ? body.byteLength : Number(header);
  if (length > body.byteLength) return refuse('length');
  const parsed = requestSchema.safeParse(parse(body.subarray(0, length)));
  if (!parsed.success) return refuse('no request');
  const { id, inputs, outputs, parameters } = parsed.data;
  const [x] = inputs;
  if (x?.name !== 'x' || (x.datatype !== 'FP32' && !makes('takes any datatype'))) return refuse('input');
  const values = valuesOf(x, body.subarray(length));
  const rows = x.shape[0] ?? 0;
  if (x.shape.length !== 2 || x.shape[1] !== 4 || values?.length !== rows * 4) return refuse('shape');
  const wished = outputs?.map((output) => output.name) ?? ['sum', 'negative'];
  if (wished.some((wish) => !['sum', 'negative'].includes(wish))) return refuse('output');
  const names = makes('sends every output') ? ['sum', 'negative'] : wished;
  const parts: Buffer[] = [];
  const told = names.map((name) => {
    const sums = Array.from({ length: makes('counts a batch as one') ? 1 : rows }, (_, row) => {
      const own = values.slice(
        row * 4,
        row * 4 + (makes('reads the first value only') && header === undefined ? 1 : 4),
      );
      return own.reduce((so, value) => so + value, 0) * (name === 'sum' ? 1 : -1);
    });
    const own = outputs?.find((output) => output.name === name)?.parameters?.binary_data;
    const isBinary = (own ?? parameters?.binary_data_output ?? false) && !makes('answers bytes in JSON');
    const [datatype, shape] = ['FP32', [sums.length, 1]];
    if (!isBinary) return { name, datatype, shape, data: sums };
    const bytes = Buffer.from(Float32Array.from(sums).buffer);
    parts.push(bytes);
    return { name, datatype, shape, parameters: { binary_data_size: bytes.byteLength } };
  });
  const isSaid = id !== undefined && !makes('forgets the id');
  return {
    status: 200,
    body: {
      model_name: 'm',
      ...(isSaid ? { id } : {}),
      outputs: told,
      ...(makes('writes null for nothing') ? { parameters: null } : {}),
    },
    ...(parts.length === 0 ? {} : { bytes: Buffer.concat(parts) }),
  };
}

function valuesOf(
  input: z.infer<typeof requestSchema>['inputs'][number],
  rest: Buffer,
): number[] | undefined {
  const size = input.parameters?.binary_data_size;
  if (size === undefined) return input.data?.flat(9).map(Number);
  if (size !== rest.byteLength || size % 4 !== 0) return undefined;
  return Array.from({ length: size / 4 }, (_, at) => rest.readFloatLE(at * 4));
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
