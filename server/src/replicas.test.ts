/** Two server processes behind one address: which of them answers must not be seen in the answer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { type Server, createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Classification, classificationSchema, problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  ctSlice,
  headSlice,
  iqOthJpeg,
  lidcPng,
  scratch,
  seriesFolder,
  writeRealPackage,
} from '../test/fixtures.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
const replicas: Replica[] = [];
let proxy: Server;
let url: string;
/** How many requests each of them was given. */
const given = [0, 0];

beforeAll(async () => {
  dir = await scratch();
  const { path } = dir;
  await writeRealPackage(path);
  replicas.push(...(await Promise.all([startReplica(path), startReplica(path)])));
  let turn = 0;
  proxy = createServer((incoming, outgoing) => {
    const at = turn % 2;
    turn += 1;
    given[at] = (given[at] ?? 0) + 1;
    const { method, url: path, headers } = incoming;
    const forward = send(`${replicas[at]?.url ?? ''}${path ?? ''}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forward.once('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});

afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await Promise.all(replicas.map(async ({ end }) => end()));
  await dir[Symbol.asyncDispose]();
});

interface Replica {
  readonly url: string;
  readonly end: () => Promise<number | null>;
}

async function startReplica(model: string): Promise<Replica> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, HILUM_MODEL_URI: model, HILUM_HOST: '127.0.0.1', HILUM_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const address = await addressOf(child);
  while (!(await fetch(`${address}/v2/health/ready`)).ok) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url: address,
    end: async () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** From its log. */
async function addressOf(child: ChildProcess): Promise<string> {
  let log = '';
  for await (const chunk of child.stdout ?? []) {
    log += String(chunk);
    const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(log) ?? [];
    if (address !== undefined) {
      child.stdout?.resume();
      return address;
    }
  }
  throw new Error('a replica ended before it listened');
}

/** All of the answer that is about the image. */
function result(answer: Classification): unknown {
  return { ...answer, timings: null, requestId: null };
}

describe.skipIf(DATA_ABSENT)(`two replicas behind a proxy ${DATA_ABSENT || ''}`, () => {
  it.each([
    ['a DICOM slice', ctSlice],
    ['a PNG', lidcPng],
    ['a JPEG', iqOthJpeg],
  ])('answer %s alike, to the last bit', async (_, load) => {
    const before = [...given];
    const answers: unknown[] = [];
    for (let time = 0; time < 4; time += 1) {
      const response = await fetch(`${url}/v1/classify`, {
        method: 'POST',
        body: new Uint8Array(await load()),
      });
      answers.push(result(classificationSchema.strict().parse(await response.json())));
    }
    expect(given.map((count, at) => count - (before[at] ?? 0))).toEqual([2, 2]);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it('answer a series alike, to the last bit', async () => {
    const folder = seriesFolder();
    const names = (await readdir(folder)).filter((name) => name.endsWith('.dcm')).slice(0, 8);
    const answers: unknown[] = [];
    for (let time = 0; time < 2; time += 1) {
      const form = new FormData();
      for (const name of names) form.append('file', new File([await readFile(join(folder, name))], name));
      const response = await fetch(`${url}/v1/classify`, { method: 'POST', body: form });
      answers.push(result(classificationSchema.strict().parse(await response.json())));
    }
    expect(answers[1]).toEqual(answers[0]);
  });

  it('refuse alike', async () => {
    const refusals: unknown[] = [];
    for (let time = 0; time < 2; time += 1) {
      const body = new Uint8Array(await headSlice());
      const response = await fetch(`${url}/v1/classify`, { method: 'POST', body });
      refusals.push({ ...problemSchema.parse(await response.json()), requestId: null });
    }
    expect(refusals[0]).toMatchObject({ code: 'NOT_CHEST', outcome: 'refused' });
    expect(refusals[1]).toEqual(refusals[0]);
  });
});
