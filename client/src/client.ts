/** A typed client of one inference server, over fetch. Research use only, not for diagnosis. */
import {
  type Classification,
  type Explanation,
  type ModelMetadata,
  classificationSchema,
  explanationSchema,
  modelMetadataSchema,
  notReadySchema,
  readySchema,
} from '@hilum/wire';
import { HilumError } from './error.ts';
import { type Images, sentOf } from './images.ts';
import { type Encoding, type Inference, type Tensor, readInference, sentTensor } from './infer.ts';
import { type CallOptions, type TransportOptions, createTransport } from './transport.ts';

/** Every method throws HilumError, or the reason of the caller's signal. */
export interface Client {
  /**
   * One image or one series. An answer may be an abstention; an image that the model is not for throws a HilumError
   * whose `refused` is true. As a DICOM report where `accept` asks for that, of DICOM only.
   */
  readonly classify: {
    (
      images: Images,
      options?: CallOptions & { readonly accept?: 'application/json' },
    ): Promise<Classification>;
    (
      images: Images,
      options: CallOptions & { readonly accept: 'application/dicom' },
    ): Promise<Uint8Array<ArrayBuffer>>;
  };
  /** Where in one image the answer comes from: numbers, a picture, or a DICOM object of the slice's study. */
  readonly explain: {
    (
      image: Images,
      options?: ExplainOptions & { readonly accept?: 'application/json' },
    ): Promise<Explanation>;
    (
      image: Images,
      options: ExplainOptions & { readonly accept: 'image/png' | 'application/dicom' },
    ): Promise<Uint8Array<ArrayBuffer>>;
  };
  /** Tensors as the network takes them; binary unless told. */
  readonly infer: (
    tensor: Tensor,
    options?: CallOptions & { readonly encoding?: Encoding },
  ) => Promise<Inference>;
  /** Whether images are answered, and by which model, or why not yet. One that is not reached is thrown. */
  readonly ready: (options?: CallOptions) => Promise<Readiness>;
  /** What the served model is. Waits for one that is on its way, as long as the call may take. */
  readonly metadata: (options?: CallOptions) => Promise<ModelMetadata>;
}

export interface ExplainOptions extends CallOptions {
  /** Whose score is explained; the positive label unless told. */
  readonly label?: string;
  /** Of a picture: the slice with the heat over it, or the heat alone. */
  readonly view?: 'overlay' | 'heat';
  readonly window?: 'lung' | 'mediastinal';
}

export type Readiness =
  | {
      readonly ready: true;
      readonly model: { readonly name: string; readonly version: string | null; readonly digest: string };
    }
  | { readonly ready: false; readonly reason: string; readonly detail: string };

interface Schema<T> {
  readonly safeParse: (
    value: unknown,
  ) => { readonly success: true; readonly data: T } | { readonly success: false; readonly error: Error };
}

export function createClient(options: TransportOptions): Client {
  const call = createTransport(options);

  const post = async (
    path: string,
    images: Images,
    { accept, ...rest }: CallOptions & { accept: string },
  ) => {
    const { headers, body } = sentOf(images);
    return call({ method: 'POST', path, headers: { ...headers, accept }, body }, rest, (response) =>
      response.bytes(),
    );
  };

  /** The name does not change while a server lives; a later one at the same address says that it does not know it. */
  let name: Promise<string> | undefined;
  const modelName = async (rest: CallOptions): Promise<string> => {
    const asked = (name ??= call({ method: 'GET', path: 'v2/health/ready' }, rest, async (response) => {
      const { model } = parsed(readySchema, await response.json().catch(() => undefined));
      return model.name;
    }));
    return asked.catch((error: unknown) => {
      name = undefined;
      throw error;
    });
  };
  /** @param work with the model's path; once more where the name was that of an earlier server */
  const ofModel = async <T>(rest: CallOptions, work: (path: string) => Promise<T>): Promise<T> => {
    const known = name !== undefined;
    const path = async () => `v2/models/${encodeURIComponent(await modelName(rest))}`;
    try {
      return await work(await path());
    } catch (error) {
      if (!known || !(error instanceof HilumError) || error.code !== 'MODEL_UNKNOWN') throw error;
      name = undefined;
      return work(await path());
    }
  };

  // The overloads say which answer belongs to which `accept`; here there is one implementation of all.
  const classify = async (
    images: Images,
    { accept = 'application/json', ...rest }: CallOptions & { readonly accept?: string } = {},
  ): Promise<Classification | Uint8Array> => {
    const bytes = await post('v1/classify', images, { accept, ...rest });
    return accept === 'application/json' ? parsed(classificationSchema, jsonOf(bytes)) : bytes;
  };
  const explain = async (
    image: Images,
    asked: ExplainOptions & { readonly accept?: string } = {},
  ): Promise<Explanation | Uint8Array> => {
    const { accept = 'application/json', label, view, window, signal, timeoutMs } = asked;
    const given = Object.entries({ label, view, window }).filter((pair) => pair[1] !== undefined);
    const query = new URLSearchParams(given as [string, string][]).toString();
    const bytes = await post(`v1/explain${query === '' ? '' : `?${query}`}`, image, {
      accept,
      signal,
      timeoutMs,
    });
    return accept === 'application/json' ? parsed(explanationSchema, jsonOf(bytes)) : bytes;
  };

  return {
    classify: classify as Client['classify'],
    explain: explain as Client['explain'],
    infer: async (tensor, { encoding = 'binary', ...rest } = {}) =>
      ofModel(rest, async (path) =>
        call({ method: 'POST', path: `${path}/infer`, ...sentTensor(tensor, encoding) }, rest, readInference),
      ),
    ready: async (rest = {}) => call(READY, rest, readinessOf),
    metadata: async (rest = {}) =>
      ofModel(rest, async (path) =>
        call({ method: 'GET', path }, rest, async (response) =>
          parsed(modelMetadataSchema, await response.json().catch(() => undefined)),
        ),
      ),
  };
}

/** Not ready is an answer here, not something to wait for. */
const READY = { method: 'GET', path: 'v2/health/ready', answers: [503] } as const;

async function readinessOf(response: Response): Promise<Readiness> {
  const body: unknown = await response.json().catch(() => undefined);
  const waiting = notReadySchema.safeParse(body);
  if (!waiting.success) return parsed(readySchema, body);
  const { reason, detail } = waiting.data;
  return { ready: false, reason, detail };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function parsed<T>(schema: Schema<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new HilumError('NOT_HILUM', 'the answer is not of the form that this client knows', {
    cause: result.error,
  });
}
