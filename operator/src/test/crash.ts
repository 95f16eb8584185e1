/**
 * The operator loses its memory before its first, its second, … its last write, for as many writes as a whole life
 * of an object has. Another starts cold each time, and the end must be the same.
 */
import { expect } from 'vitest';
import { createFaultyProxy, type FaultyProxy } from '../kube/test/faulty-proxy.ts';
import { eventually, type Harness } from './harness.ts';

export interface Life {
  readonly plural: 'trainingruns' | 'modeldeployments';
  readonly create: (name: string) => Promise<void>;
  /** Moves the world on, and throws until the end is reached. */
  readonly step: (name: string) => Promise<void>;
  /** What must be the same at every end, names left out. */
  readonly end: (name: string) => Promise<unknown>;
}

/** Kills before every write that a life has, and one more time not at all. Without another operator at work. */
export async function everyEnd(
  harness: Harness,
  life: Life,
): Promise<{ readonly ends: readonly unknown[]; readonly kills: number }> {
  const proxy = await createFaultyProxy(harness.kubeconfig);
  const ends = new Set<string>();
  try {
    for (let kills = 0; ; kills += 1) {
      const { end, killed } = await liveThrough(harness, proxy, life, `life-${kills}`, kills + 1);
      ends.add(JSON.stringify(end));
      if (!killed) return { kills, ends: [...ends].map((text) => JSON.parse(text) as unknown) };
    }
  } finally {
    await proxy.close();
  }
}

/** @returns the end, and whether the operator was killed before it */
async function liveThrough(
  harness: Harness,
  proxy: FaultyProxy,
  life: Life,
  name: string,
  killedBeforeWrite: number,
) {
  let writes = 0;
  let killed = false;
  proxy.fault = ({ method, url }) => {
    if (method !== 'GET' && !url.pathname.includes('events.k8s.io')) writes += 1;
    if (writes < killedBeforeWrite) return undefined;
    killed = true;
    proxy.endStreams();
    return { kind: 'reset' };
  };
  const first = harness.startOperator({ kubeConfig: proxy.kubeConfig, doomed: true });
  await life.create(name);
  await eventually(async () => {
    if (!killed) await life.step(name);
  });
  await first.stop();
  const second = harness.startOperator();
  await eventually(() => life.step(name));
  const end = await life.end(name);
  // Else the next operator would count its first look at this one among its writes.
  await harness.api.remove(life.plural, name);
  await eventually(async () => expect(await harness.api.get(life.plural, name)).toBeUndefined());
  await second.stop();
  return { end, killed };
}
