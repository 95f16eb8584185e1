/** A server, asked over HTTP, and its answers, read as strictly as the texts are. */
import { z } from 'zod';
import { Miss, expectThat } from './check.ts';
import { DATATYPE_NAMES, type Tensor, type TensorMetadata, bytesOf, product, valuesOf } from './tensors.ts';

const ASK_MS = 30_000;
const LENGTH_HEADER = 'inference-header-content-length';

const tensorMetadata = z.looseObject({
  name: z.string(),
  datatype: z.string().refine((name) => DATATYPE_NAMES.includes(name), 'no datatype of the protocol'),
  shape: z.array(z.int().min(-1)),
});

const serverMetadata = z.looseObject({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});
type ServerMetadata = z.infer<typeof serverMetadata>;

const modelMetadata = z.looseObject({
  name: z.string(),
  versions: z.array(z.string()).optional(),
  platform: z.string(),
  inputs: z.array(tensorMetadata),
  outputs: z.array(tensorMetadata),
});
export type ModelMetadata = z.infer<typeof modelMetadata>;

const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const responseOutput = z.looseObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.int().min(0)),
  parameters: parameters.optional(),
  data: z.array(z.unknown()).optional(),
});
const inferResponse = z.looseObject({
  model_name: z.string(),
  model_version: z.string().optional(),
  id: z.string().optional(),
  parameters: parameters.optional(),
  outputs: z.array(responseOutput),
});
const errorBody = z.looseObject({ error: z.string().min(1) });
const index = z.array(z.looseObject({ name: z.string(), state: z.string().optional() }));

interface Output extends TensorMetadata {
  readonly values: readonly number[];
  readonly isBinary: boolean;
}

interface Answer {
  readonly model: string;
  readonly id: string | undefined;
  readonly outputs: readonly Output[];
  readonly type: string;
}

export interface Rest {
  readonly status: (path: string) => Promise<number>;
  readonly server: () => Promise<ServerMetadata>;
  readonly model: (name: string, version?: string) => Promise<ModelMetadata>;
  readonly repository: () => Promise<z.infer<typeof index>>;
  /** The body is sent as it is where it is text or bytes. */
  readonly infer: (name: string, body: Body, version?: string) => Promise<Answer>;
  /** Succeeds where the server refuses as the texts say. */
  readonly refuses: (path: string, body?: Body) => Promise<void>;
}

/** JSON; text that is to be none; or JSON with the bytes behind it. */
type Body = object | string | BinaryBody;

export class BinaryBody {
  readonly json: object;
  readonly rest: Uint8Array;
  /** As the header has it; default the right one. */
  readonly length: number | undefined;

  constructor(json: object, rest: Uint8Array, length?: number) {
    this.json = json;
    this.rest = rest;
    this.length = length;
  }
}

/** Many servers write null where the texts have a value or nothing. It is asked about once, and not at every step. */
export type Nulls = 'refused' | 'left out';

export function createRest(url: string, nulls: Nulls): Rest {
  const base = url.replace(/\/+$/, '');
  const get = (path: string): Promise<Response> =>
    fetch(`${base}/${path}`, { signal: AbortSignal.timeout(ASK_MS) });
  const post = (path: string, body: Body): Promise<Response> =>
    fetch(`${base}/${path}`, { method: 'POST', ...encoded(body), signal: AbortSignal.timeout(ASK_MS) });
  return {
    status: async (path) => {
      const response = await get(path);
      await response.arrayBuffer();
      return response.status;
    },
    server: async () => read(await get('v2'), serverMetadata, nulls),
    model: async (name, version) => read(await get(modelPath(name, version)), modelMetadata, nulls),
    repository: async () => read(await post('v2/repository/index', {}), index, nulls),
    infer: async (name, body, version) => {
      const response = await post(`${modelPath(name, version)}/infer`, body);
      if (response.status !== 200)
        throw new Miss(`status ${response.status} instead of 200: ${await told(response)}`);
      return readAnswer(response, nulls);
    },
    refuses: async (path, body) => {
      const response = body === undefined ? await get(path) : await post(path, body);
      const { status } = response;
      expectThat(status >= 400 && status < 600, `status ${status} instead of an error`);
      parse(await response.json().catch(() => undefined), errorBody);
    },
  };
}

export function modelPath(name: string, version?: string): string {
  const at = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  return `v2/models/${encodeURIComponent(name)}${at}`;
}

export function jsonInput({ name, datatype, shape, data }: Tensor, as: unknown = data): object {
  return { name, datatype, shape, data: as };
}

/** Inputs as bytes behind the JSON. */
export function binaryBody(tensors: readonly Tensor[], more: object = {}): BinaryBody {
  const parts = tensors.map(bytesOf);
  const inputs = tensors.map(({ name, datatype, shape }, at) => ({
    name,
    datatype,
    shape,
    parameters: { binary_data_size: parts[at]?.byteLength ?? 0 },
  }));
  return new BinaryBody({ inputs, ...more }, Buffer.concat(parts));
}

function encoded(body: Body): RequestInit {
  if (typeof body === 'string') return { body, headers: { 'content-type': 'application/json' } };
  if (!(body instanceof BinaryBody)) {
    return { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  }
  const json = Buffer.from(JSON.stringify(body.json));
  return {
    body: Buffer.concat([json, body.rest]),
    headers: {
      'content-type': 'application/octet-stream',
      [LENGTH_HEADER]: String(body.length ?? json.byteLength),
    },
  };
}

async function read<T>(response: Response, schema: z.ZodType<T>, nulls: Nulls): Promise<T> {
  expectThat(response.status === 200, `status ${response.status} instead of 200`);
  return parse(await response.json().catch(() => undefined), schema, nulls);
}

async function readAnswer(response: Response, nulls: Nulls): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const header = response.headers.get(LENGTH_HEADER);
  const length = header === null ? bytes.byteLength : Number(header);
  expectThat(
    length <= bytes.byteLength,
    `${LENGTH_HEADER} ${header} is more than the body of ${bytes.byteLength}`,
  );
  const { model_name: model, id, outputs } = parse(jsonOf(bytes.subarray(0, length)), inferResponse, nulls);
  let at = length;
  const read = outputs.map(({ name, datatype, shape, data, parameters: own }): Output => {
    const size = own?.['binary_data_size'];
    const isBinary = size !== undefined;
    if (isBinary) {
      expectThat(header !== null, `binary data without ${LENGTH_HEADER}`);
      expectThat(typeof size === 'number', 'binary_data_size is no number');
      const raw = bytes.subarray(at, at + size);
      at += size;
      expectThat(raw.byteLength === size, `output ${name} is shorter than its binary_data_size`);
      return { name, datatype, shape, isBinary, values: counted(name, shape, valuesOf(datatype, raw)) };
    }
    expectThat(data !== undefined, `output ${name} has no data`);
    const flat: unknown[] = data.flat(Number.POSITIVE_INFINITY);
    return { name, datatype, shape, isBinary, values: counted(name, shape, flat.map(Number)) };
  });
  expectThat(at === bytes.byteLength, `${bytes.byteLength - at} bytes behind the outputs`);
  return { model, id, outputs: read, type: response.headers.get('content-type') ?? '' };
}

function counted(name: string, shape: readonly number[], values: number[]): number[] {
  const want = product(shape);
  expectThat(
    values.length === want,
    `output ${name} has ${values.length} values for the shape [${shape.join()}]`,
  );
  return values;
}

async function told(response: Response): Promise<string> {
  return (await response.text()).slice(0, 200);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch {
    return undefined;
  }
}

function parse<T>(value: unknown, schema: z.ZodType<T>, nulls: Nulls = 'refused'): T {
  const parsed = schema.safeParse(nulls === 'refused' ? value : withoutNulls(value));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new Miss(
    value === undefined ? 'the body is no JSON' : `${where || 'the body'}: ${issue?.message ?? ''}`,
  );
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNulls(member)]));
}
