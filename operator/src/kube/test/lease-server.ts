/**
 * A Lease in memory, behind a network that delays and loses by plan, on a fake clock: for hours of partitions that a
 * real API server would need hours for. It keeps the two promises that election rests on: writes are atomic, and a
 * write over another resourceVersion than the current is a 409.
 */
import { deadline, orAbort, sleep } from '../clock.ts';
import { isJson } from '../decode.ts';
import { ApiError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { Transport } from '../transport.ts';
import type { FakeClock } from './fake-clock.ts';

/** What the network does to one call. */
export interface Fate {
  readonly requestMs: number;
  readonly answerMs: number;
  readonly lost?: 'request' | 'answer';
}

export interface LeaseServer {
  /** The way from one client to the server. */
  connect(fate: () => Fate): Transport;
  readonly holder: string;
}

export function createLeaseServer(clock: FakeClock): LeaseServer {
  let lease: KubeObject | undefined;
  let version = 0;

  function store(body: unknown): KubeObject {
    if (!isJson(body) || !isJson(body['metadata']) || !isJson(body['spec'])) throw new Error('not a lease');
    version += 1;
    const metadata = { name: 'lock', namespace: 'ns', resourceVersion: String(version) };
    lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: { ...body['spec'] } };
    return lease;
  }

  function serve(method: string, body: unknown): KubeObject {
    if (method === 'POST') {
      if (lease !== undefined) throw refusal(409, 'AlreadyExists');
      return store(body);
    }
    if (lease === undefined) throw refusal(404, 'NotFound');
    if (method === 'GET') return lease;
    const sent = isJson(body) && isJson(body['metadata']) ? body['metadata']['resourceVersion'] : undefined;
    if (sent !== String(version)) throw refusal(409, 'Conflict');
    return store(body);
  }

  async function call(method: string, body: unknown, fate: Fate, signal: AbortSignal): Promise<unknown> {
    await sleep(clock, fate.requestMs, new AbortController().signal);
    // Past this point the server acts even if the caller has given up meanwhile: a request on its way arrives late.
    if (fate.lost === 'request') return orAbort(new Promise(() => undefined), signal);
    const answer = structuredClone(serve(method, body));
    if (fate.lost === 'answer') return orAbort(new Promise(() => undefined), signal);
    await sleep(clock, fate.answerMs, signal);
    return answer;
  }

  return {
    connect: (fate) => ({
      request: async (method, _path, how = {}) => {
        const limit = deadline(clock, how.timeoutMs ?? 30_000, [how.signal]);
        const answer = call(method, how.body, fate(), limit.signal);
        answer.catch(() => undefined); // may fail after the caller has given up
        try {
          return await orAbort(answer, limit.signal);
        } finally {
          limit.end();
        }
      },
      stream: () => Promise.reject(new Error('no streams here')),
      resourceOf: () => Promise.reject(new Error('no discovery here')),
      close: async () => undefined,
    }),
    get holder() {
      const spec = isJson(lease?.['spec']) ? lease['spec'] : {};
      return typeof spec['holderIdentity'] === 'string' ? spec['holderIdentity'] : '';
    },
  };
}

function refusal(status: number, reason: string): ApiError {
  return new ApiError({ status, reason, message: reason });
}
