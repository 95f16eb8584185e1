/** What /v1/explain refuses, and when. */
import { closeDecoders } from '@hilum/imaging';
import type { PackageInfo } from '@hilum/model';
import { problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RENDERING, scratch, servedAs, writeRealPackage } from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let engine: Engine;
let server: Harness;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  server = await harness({ engine, model: servedAs(info, RENDERING) });
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

async function refusalOf(
  payload: Buffer,
  {
    accept,
    query = '',
    to = server,
  }: {
    readonly accept?: string;
    readonly query?: string;
    readonly to?: Harness;
  } = {},
) {
  const headers = accept === undefined ? {} : { accept };
  const answer = await to.app.inject({ method: 'POST', url: `/v1/explain${query}`, payload, headers });
  const { status, code, detail } = problemSchema.parse(answer.json());
  return { status, code, detail };
}

describe('POST /v1/explain refuses', () => {
  it.each([
    ['a label that the model has not', '?label=unknown', 'label is one of benign, malignant'],
    ['a view that there is not', '?view=3d', 'view=overlay|heat'],
    ['a window that there is not', '?window=bone', 'window=lung|mediastinal'],
    ['a parameter that there is not', '?patient=1', 'the parameters are'],
    ['a label twice', '?label=benign&label=malignant', 'label (once)'],
  ])('%s', async (_, query, detail) => {
    expect(await refusalOf(Buffer.from('x'), { query })).toMatchObject({
      status: 400,
      code: 'PARAMETER_INVALID',
      detail: expect.stringContaining(detail) as unknown,
    });
  });

  it('a form of answer that there is not, and what is no image', async () => {
    expect(await refusalOf(Buffer.from('x'), { accept: 'image/gif' })).toMatchObject({ status: 406 });
    expect(await refusalOf(Buffer.from('x'))).toMatchObject({ status: 415, code: 'NOT_AN_IMAGE' });
  });

  it('nothing for want of a parameter: none has to be sent', async () => {
    const { paths } = (await server.app.inject('/openapi.json')).json<OpenApi>();
    const parameters = paths['/v1/explain'].post.parameters;
    expect(parameters.map(({ name, required }) => [name, required])).toEqual([
      ['label', false],
      ['view', false],
      ['window', false],
    ]);
  });

  it('everything where it is turned off', async () => {
    const off = await harness({ engine, model: servedAs(info, RENDERING), limits: { explanations: 0 } });
    expect(await refusalOf(Buffer.from('x'), { to: off })).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    await off.close();
  });

  it('another method', async () => {
    const get = await server.app.inject({ method: 'GET', url: '/v1/explain' });
    expect([get.statusCode, get.headers['allow']]).toEqual([405, 'POST']);
  });
});

interface OpenApi {
  readonly paths: {
    readonly '/v1/explain': {
      readonly post: {
        readonly parameters: readonly { readonly name: string; readonly required: boolean }[];
      };
    };
  };
}
