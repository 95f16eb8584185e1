/** The page and its pixels, by HTTP; what a person sees is tested in web/test. */
import { closeDecoders, decodeImage } from '@hilum/imaging';
import { PIXELS_HEADER, pixelsSchema, problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  RENDERING,
  ctSlice,
  headSlice,
  lidcPng,
  mrSlice,
  scratch,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';

let server: Harness;
let without: Harness;

/** Nothing here may be inferred. */
const engine = {
  infer: async () => {
    throw new Error('pixels were inferred');
  },
} as unknown as Engine;

beforeAll(async () => {
  const dir = await scratch();
  try {
    const model = servedAs(await writeRealPackage(dir.path), RENDERING);
    server = await harness({ engine, model, page: true });
    without = await harness({ engine, model });
  } finally {
    await dir[Symbol.asyncDispose]();
  }
});

afterAll(async () => {
  await server.close();
  await without.close();
  await closeDecoders();
});

const get = (url: string, headers: Record<string, string> = {}) =>
  server.app.inject({ method: 'GET', url, headers });
const pixels = (payload: Buffer) => server.app.inject({ method: 'POST', url: '/v1/pixels', payload });

describe('GET /', () => {
  it('is a page that may load nothing but its own files, and those are there', async () => {
    const page = await get('/');
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = String(page.headers['content-security-policy']).split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
      ]),
    );
    const files = [...page.body.matchAll(/(?:href|src)="(page\/[^"]+)"/g)].map(([, path]) => path ?? '');
    expect(files).toHaveLength(3);
    const seen = new Set<string>();
    for (let path = files.pop(); path !== undefined; path = files.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const file = await get(`/${path}`);
      expect([path, file.statusCode]).toEqual([path, 200]);
      for (const [, name] of file.body.matchAll(/ from '\.\/([^']+)'/g)) files.push(`page/${name}`);
    }
    expect(seen.size).toBeGreaterThan(8);
  });

  it('holds no style and no script of its own, and asks no other host', async () => {
    const { body } = await get('/');
    expect(body).not.toMatch(/<style|<script(?![^>]* src=)| style=| on[a-z]+=|https?:/);
    expect((await get('/page/page.css')).body).not.toMatch(/url\(|@import/);
  });

  it('is sent once: who has it is told so', async () => {
    const first = await get('/page/page.js');
    const etag = String(first.headers['etag']);
    const again = await get('/page/page.js', { 'if-none-match': `"other", W/${etag}` });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    expect((await get('/page/page.js', { 'if-none-match': '"other"' })).statusCode).toBe(200);
    expect((await get('/page/page.ts')).statusCode).toBe(404);
  });

  it('leads to the API where the page is off, and then there are no pixels either', async () => {
    const home = await without.app.inject({ method: 'GET', url: '/' });
    expect([home.statusCode, home.headers['location']]).toEqual([302, 'docs/']);
    for (const url of ['/page/page.js', '/v1/pixels']) {
      expect((await without.app.inject({ method: 'GET', url })).statusCode).toBe(404);
    }
  });
});

describe.skipIf(DATA_ABSENT)(`POST /v1/pixels ${DATA_ABSENT || ''}`, () => {
  it('gives the Hounsfield units of a slice, and of its header no more than the spacing', async () => {
    const slice = await ctSlice();
    const image = await decodeImage(slice);
    const response = await pixels(slice);
    expect([response.statusCode, response.headers['content-type']]).toEqual([
      200,
      'application/octet-stream',
    ]);
    const header = pixelsSchema.strict().parse(JSON.parse(String(response.headers[PIXELS_HEADER])));
    expect(header).toMatchObject({ kind: 'hu', type: 'int16', rows: 512, columns: 512, inverted: false });
    expect(header.pixelSpacing?.[0]).toBeCloseTo(0.76, 2);
    const bytes = response.rawPayload;
    expect(bytes.length).toBe(512 * 512 * 2);
    const off = [...image.pixels].filter((hu, at) => bytes.readInt16LE(at * 2) !== Math.round(hu));
    expect(off).toEqual([]);
  });

  it('gives the levels of a picture', async () => {
    const png = await lidcPng();
    const image = await decodeImage(png);
    const response = await pixels(png);
    const header = pixelsSchema.strict().parse(JSON.parse(String(response.headers[PIXELS_HEADER])));
    expect(header).toMatchObject({ kind: 'grey', type: 'uint8', pixelSpacing: null, rows: image.rows });
    expect(Buffer.compare(response.rawPayload, Buffer.from(image.pixels as Uint8Array))).toBe(0);
  });

  it('shows also what the model is not for, and refuses what cannot be decoded', async () => {
    expect((await pixels(await headSlice())).statusCode).toBe(200);
    const mr = await pixels(await mrSlice());
    expect([mr.statusCode, problemSchema.parse(mr.json()).code]).toEqual([422, 'NOT_CT']);
    const cut = await pixels((await ctSlice()).subarray(0, 20_000));
    expect(cut.statusCode).toBe(422);
    expect((await pixels(Buffer.from('no image'))).statusCode).toBe(415);
    expect((await pixels(Buffer.alloc(0))).statusCode).toBe(400);
    const large = await pixels(Buffer.alloc(2_000_001));
    expect([large.statusCode, problemSchema.parse(large.json()).code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  it('is for POST', async () => {
    const response = await get('/v1/pixels');
    expect([response.statusCode, response.headers['allow']]).toEqual([405, 'POST']);
  });
});
