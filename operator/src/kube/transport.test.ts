/** The transport against a real API server, through a proxy that fails. */
import { KubeConfig } from '@kubernetes/client-node';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clock, useApi } from './test/api.ts';
import { eventually } from './test/eventually.ts';
import type { Fault } from './test/faulty-proxy.ts';
import { createTransport } from './transport.ts';

const api = useApi('transport');

/** A call through the proxy. */
function read(timeoutMs = 30_000, signal?: AbortSignal): Promise<unknown> {
  return api.transport.request('GET', `/api/v1/namespaces/${api.namespace}`, { timeoutMs, signal });
}

function busy(retryAfter: string): Fault {
  return { kind: 'answer', status: 429, body: 'busy', headers: { 'retry-after': retryAfter } };
}

describe('transport', () => {
  it('keeps to one pool of sockets and one more per watch', async () => {
    const watching = Array.from({ length: 5 }, async () => {
      const query = { watch: true, timeoutSeconds: 60 };
      for await (const chunk of await api.transport.stream('/api/v1/namespaces', { query })) void chunk;
    });
    await eventually(() => expect(api.proxy.streams).toBe(5));
    await Promise.all(Array.from({ length: 150 }, () => read()));
    expect(api.proxy.sockets).toBeLessThanOrEqual(8 + 5);
    for (let call = 0; call < 20; call++) await read();
    expect(api.calls.filter(({ status: code }) => code === 200).length).toBe(5 + 170);
    api.stop();
    await Promise.all(watching.map((watch) => expect(watch).rejects.toMatchObject({ reason: 'Aborted' })));
  });

  it('waits as long as a 429 asks, then succeeds; and hands a longer wait to its caller', async () => {
    let refusals = 2;
    api.proxy.fault = () => (refusals-- > 0 ? busy('0') : undefined);
    expect(await read()).toMatchObject({ kind: 'Namespace' });
    expect(api.calls.slice(-3).map((call) => call.status)).toEqual([429, 429, 200]);
    api.proxy.fault = () => busy('120');
    const refused = { status: 429, reason: 'TooManyRequests', retryAfterMs: 120_000 };
    await expect(read()).rejects.toMatchObject(refused);
  });

  it.each([
    { when: 'a reset', fault: { kind: 'reset' } as const, want: { status: 0, reason: 'Unreachable' } },
    { when: 'silence', fault: { kind: 'silence' } as const, want: { status: 0, reason: 'Timeout' } },
    {
      when: 'a page of a load balancer',
      fault: { kind: 'answer', status: 503, body: '<html>' } as const,
      want: { status: 503, reason: 'ServiceUnavailable' },
    },
    {
      when: 'a page that pretends to be well',
      fault: { kind: 'answer', status: 200, body: '<html>' } as const,
      want: { status: 0, reason: 'Undecodable' },
    },
  ])('names $when', async ({ fault, want }) => {
    api.proxy.fault = () => fault;
    await expect(read(300)).rejects.toMatchObject(want);
  });

  it('gives up at once when the caller does, and keeps a slow answer within its deadline', async () => {
    api.proxy.fault = () => ({ kind: 'silence' });
    const caller = new AbortController();
    const given = read(30_000, caller.signal);
    setImmediate(() => caller.abort());
    await expect(given).rejects.toMatchObject({ reason: 'Aborted' });
    api.proxy.fault = () => ({ kind: 'slow', ms: 200 });
    expect(await read(10_000)).toMatchObject({ metadata: { name: api.namespace } });
  });

  it('explains what the API server refuses by its reason', async () => {
    await expect(api.transport.request('GET', '/api/v1/namespaces/none')).rejects.toMatchObject({
      status: 404,
      reason: 'NotFound',
    });
    await expect(api.transport.resourceOf('apps/v1', 'Nonsense')).rejects.toMatchObject({ reason: 'NoKind' });
    expect(await api.transport.resourceOf('apps/v1', 'Deployment')).toMatchObject({
      plural: 'deployments',
      namespaced: true,
    });
  });

  it('asks its credential plugin again after a 401, and when its answer is half a minute old', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'token-'));
    const credential = join(dir, 'credential.json');
    const issue = (token: string): Promise<void> => {
      const status = { token, expirationTimestamp: '2020-01-01T00:00:00Z' };
      return writeFile(credential, JSON.stringify({ kind: 'ExecCredential', status }));
    };
    const kubeConfig = new KubeConfig();
    const server = api.proxy.kubeConfig.getCurrentCluster()?.server ?? '';
    const exec = { command: 'cat', args: [credential] };
    kubeConfig.loadFromClusterAndUser(
      { name: 'proxy', server, skipTLSVerify: true },
      { name: 'person', exec },
    );
    let ahead = 0;
    const later = { ...clock, elapsed: () => clock.elapsed() + ahead };
    const transport = createTransport({ kubeConfig, clock: later, signal: api.signal });
    const call = (): Promise<unknown> => transport.request('GET', '/version');
    let accepted = 'one';
    api.proxy.fault = ({ headers }) => {
      const known = headers.authorization === `Bearer ${accepted}`;
      return { kind: 'answer', status: known ? 200 : 401, body: '{}' };
    };

    await issue('one');
    await call();
    await issue('two');
    await call();
    accepted = 'two';
    await expect(call()).rejects.toMatchObject({ status: 401, reason: 'Unauthorized' });
    await call();
    accepted = 'three';
    await issue('three');
    ahead = 30_000;
    await call();
    await transport.close();
    await rm(dir, { recursive: true });
  });
});
