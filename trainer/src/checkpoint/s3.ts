/** Checkpoints in an S3 bucket: an object appears there whole or not at all, and replaces the one of its name at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { s3Store, type S3Options } from '../dvc/s3-store.ts';
import { asTrainerError } from '../dvc/store-error.ts';
import { TrainerError } from '../errors.ts';
import { checkpointsOn, type CheckpointStore } from './store.ts';

export interface S3CheckpointOptions extends S3Options {
  readonly fetch?: typeof fetch;
  /** Longest that one request may take. */
  readonly requestMs?: number;
  /** How often what may pass by itself (no answer, 408, 429, 5xx) is asked again when reading. */
  readonly retries?: number;
}

const REQUEST_MS = 120_000;
const RETRIES = 4;
const FIRST_PAUSE_MS = 250;
/** The whole of VGG16 with Adam's slots is a quarter of a GiB. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * @param address `s3://bucket/prefix`; no two runs may have the same prefix at the same time
 * @throws TrainerError REMOTE_UNSUPPORTED where the address names no bucket or the endpoint is none
 */
export function s3Checkpoints(address: string, options: S3CheckpointOptions = {}): CheckpointStore {
  const store = s3Store(address, options);
  const call = options.fetch ?? fetch;
  const { requestMs = REQUEST_MS, retries = RETRIES } = options;

  /** One request with its whole answer. @returns undefined for 404 */
  async function ask({ method, name, body, signal }: Ask): Promise<Uint8Array | undefined> {
    const url = store.url(name);
    const deadline = AbortSignal.timeout(requestMs);
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    try {
      const headers = await store.headers({ method, url, headers: {} });
      const response = await call(url, { method, headers, body, signal: either, redirect: 'manual' });
      if (response.status === 404) {
        await response.body?.cancel();
        return undefined;
      }
      if (response.ok) return await bytesOf(response, store.name);
      throw await refusal(method, response, store.name);
    } catch (cause) {
      signal?.throwIfAborted();
      const known = asTrainerError(cause);
      if (known instanceof TrainerError) throw known;
      const why = deadline.aborted ? `does not answer within ${requestMs / 1000} s` : 'does not answer';
      throw new Trouble(`${store.name} ${why}`, { cause });
    }
  }

  async function patiently(request: Ask): Promise<Uint8Array | undefined> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await ask(request);
      } catch (error) {
        if (!(error instanceof Trouble) || attempt >= retries) throw error;
        await sleep(FIRST_PAUSE_MS * 4 ** attempt, undefined, { signal: request.signal });
      }
    }
  }

  return checkpointsOn({
    read: (name, signal) => patiently({ method: 'GET', name, signal }),
    // Not again: the next checkpoint is a better try than this one once more.
    write: async (name, parts, signal) => {
      const found = await ask({ method: 'PUT', name, body: new Blob([...parts].map(own)), signal });
      if (found === undefined) throw new Trouble(`${store.name}: there is no such bucket`);
    },
    remove: async (name, signal) => {
      await patiently({ method: 'DELETE', name, signal });
    },
  });
}

interface Ask {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly name: string;
  readonly body?: Blob;
  readonly signal?: AbortSignal | undefined;
}

/** What may pass by itself. */
class Trouble extends TrainerError {
  constructor(message: string, options?: ErrorOptions) {
    super('CHECKPOINT_UNREACHABLE', message, options);
  }
}

async function bytesOf(response: Response, name: string): Promise<Uint8Array> {
  if (Number(response.headers.get('content-length') ?? 0) > MAX_BYTES) {
    await response.body?.cancel();
    throw new TrainerError('CHECKPOINT_UNREACHABLE', `${name} holds something too large for a checkpoint`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function refusal(method: string, response: Response, name: string): Promise<TrainerError> {
  const code = /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(await response.text())?.[1];
  const said = code === undefined ? '' : ` (${code})`;
  const message = `${name} answers ${method} with status ${response.status}${said}`;
  const mayPass = response.status >= 500 || response.status === 408 || response.status === 429;
  return mayPass ? new Trouble(message) : new TrainerError('CHECKPOINT_UNREACHABLE', message);
}

/** The types of DOM and Node disagree on shared memory, of which there is none here. */
function own(part: Uint8Array): Uint8Array<ArrayBuffer> {
  return part as Uint8Array<ArrayBuffer>;
}
