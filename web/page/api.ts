/** The one server that this page talks to: its own. */
import type { Classification, Explanation, Pixels, Problem } from '@hilum/wire';
import type { Slice, Study } from './files.ts';
import type { Raster } from './window.ts';

type Readiness =
  | { readonly ready: true; readonly model: Classification['model'] }
  | { readonly ready: false; readonly why: string; readonly percent?: number };

export interface Api {
  readonly classify: (study: Study, signal: AbortSignal) => Promise<Classification>;
  readonly pixels: (slice: Slice, signal: AbortSignal) => Promise<Raster>;
  readonly explain: (slice: Slice, signal: AbortSignal) => Promise<Explanation>;
  readonly readiness: () => Promise<Readiness>;
  /** Kept in memory: it is gone with the page. */
  readonly useKey: (key: string) => void;
}

/** The server said no, or nothing. */
export class Refusal extends Error {
  readonly code: string;
  /** 0 where there was no answer. */
  readonly status: number;
  readonly detail: string;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor({ title, code, status, detail, requestId }: Partial<Problem>, retryAfterSeconds?: number) {
    super(title ?? 'The server did not answer.');
    this.code = code ?? 'NETWORK';
    this.status = status ?? 0;
    this.detail = detail ?? '';
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

// Longer than the server's own deadline of a series.
const TIMEOUT_MS = 150_000;
const READY_TIMEOUT_MS = 10_000;

export function createApi(): Api {
  let key: string | undefined;

  const post = async (
    path: string,
    body: Blob | FormData,
    { type, accept, signal }: { type?: string | undefined; accept: string; signal: AbortSignal },
  ): Promise<Response> => {
    const headers = new Headers({ accept });
    if (type !== undefined) headers.set('content-type', type);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const init: RequestInit = {
      method: 'POST',
      headers,
      body,
      signal: within,
      cache: 'no-store',
      redirect: 'error',
    };
    const answer = await fetch(path, init).catch(() => {
      if (signal.aborted) throw signal.reason;
      throw new Refusal({});
    });
    if (!answer.ok) throw await refusalOf(answer);
    return answer;
  };
  const ofSlice = async (
    slice: Slice,
    path: string,
    accept: string,
    signal: AbortSignal,
  ): Promise<Response> =>
    post(path, await slice.load(), { type: 'application/octet-stream', accept, signal });

  return {
    classify: async (study, signal) => {
      const answer = await post('v1/classify', study.body(), {
        type: study.type,
        accept: 'application/json',
        signal,
      });
      return (await answer.json()) as Classification;
    },
    pixels: async (slice, signal) => {
      const answer = await ofSlice(slice, 'v1/pixels', 'application/octet-stream', signal);
      const shape = JSON.parse(answer.headers.get('hilum-pixels') ?? '{}') as Pixels;
      const bytes = await answer.arrayBuffer();
      return { ...shape, values: new ARRAYS[shape.type](bytes) };
    },
    explain: async (slice, signal) =>
      (await (await ofSlice(slice, 'v1/explain', 'application/json', signal)).json()) as Explanation,
    readiness: async () => readinessOf(),
    useKey: (next) => {
      key = next;
    },
  };
}

const ARRAYS = { int16: Int16Array, uint8: Uint8Array, uint16: Uint16Array };

async function refusalOf(answer: Response): Promise<Refusal> {
  const retryAfter = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const seconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  // A proxy in between answers in HTML.
  const problem: unknown = await answer.json().catch(() => undefined);
  if (typeof problem === 'object' && problem !== null && 'code' in problem) {
    return new Refusal(problem as Problem, seconds);
  }
  const { status } = answer;
  return new Refusal({ title: `The server answered ${status}.`, code: `HTTP_${status}`, status }, seconds);
}

async function readinessOf(): Promise<Readiness> {
  try {
    const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
    const answer = await fetch('v2/health/ready', { signal, cache: 'no-store' });
    const body = (await answer.json()) as {
      readonly model?: Classification['model'];
      readonly detail?: string;
      readonly progress?: { readonly bytes: number; readonly totalBytes: number };
    };
    if (body.model !== undefined) return { ready: true, model: body.model };
    const { detail = 'not ready', progress } = body;
    if (progress === undefined || progress.totalBytes === 0) return { ready: false, why: detail };
    return { ready: false, why: detail, percent: Math.floor((100 * progress.bytes) / progress.totalBytes) };
  } catch {
    return { ready: false, why: 'The server cannot be reached.' };
  }
}
