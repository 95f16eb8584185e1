/** Of a series, the slice that decided: with a real network and real slices of one patient. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { closeDecoders } from '@hilum/imaging';
import type { PackageInfo } from '@hilum/model';
import { type Explanation, explanationSchema } from '@hilum/wire';
import dicomParser from 'dicom-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  RENDERING,
  scratch,
  seriesFolder,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { type Harness, harness } from '../../test/harness.ts';
import type { Engine } from '../engine/engine.ts';
import { startEngine } from '../engine/worker.ts';

let dir: Awaited<ReturnType<typeof scratch>>;
let info: PackageInfo;
let engine: Engine;
let server: Harness;
let slices: readonly File[] = [];
let passes = 0;

beforeAll(async () => {
  dir = await scratch();
  info = await writeRealPackage(dir.path);
  engine = await startEngine(dir.path, new AbortController().signal);
  const counted: Engine = {
    ...engine,
    infer: async (batch, n, options) => {
      passes += n;
      return engine.infer(batch, n, options);
    },
  };
  server = await harness({ engine: counted, model: servedAs(info, RENDERING) });
  if (DATA_ABSENT !== false) return;
  const names = (await readdir(seriesFolder())).filter((name) => name.endsWith('.dcm')).toSorted();
  slices = await Promise.all(
    names.slice(3, 9).map(async (name) => new File([await readFile(join(seriesFolder(), name))], name)),
  );
});

afterAll(async () => {
  await server.close();
  await engine.close();
  await closeDecoders();
  await dir[Symbol.asyncDispose]();
});

async function explain(files: readonly File[], accept: string) {
  const form = new FormData();
  for (const file of files) form.append('file', file);
  const sent = new Response(form);
  return server.app.inject({
    method: 'POST',
    url: '/v1/explain',
    headers: { 'content-type': sent.headers.get('content-type') ?? '', accept },
    payload: Buffer.from(await sent.arrayBuffer()),
  });
}

async function asJson(files: readonly File[]): Promise<Explanation> {
  return explanationSchema.strict().parse((await explain(files, 'application/json')).json());
}

async function deciding(): Promise<{ readonly said: Explanation; readonly file: File }> {
  const said = await asJson(slices);
  const file = slices.find(({ name }) => name === said.classification.series?.deciding.name);
  if (file === undefined) throw new Error('no such slice');
  return { said, file };
}

describe.skipIf(DATA_ABSENT)(`POST /v1/explain with a series ${DATA_ABSENT || ''}`, () => {
  it('answers for the series and shows the map of the slice that decided, each slice once through the network', async () => {
    const before = passes;
    const { said, file } = await deciding();
    expect(passes - before).toBe(slices.length);
    expect(said.classification.series).toMatchObject({ slices: slices.length, scored: slices.length });
    const alone = await asJson([file]);
    expect(alone.classification.series).toBeNull();
    expect(said.region).toEqual(alone.region);
    for (const [at, value] of said.heatmap.values.entries()) {
      expect(Math.abs(value - (alone.heatmap.values[at] ?? Number.NaN))).toBeLessThan(1e-3);
    }
    // No other slice has that map, or the sameness above would say nothing.
    const others = slices.filter((slice) => slice !== file);
    for (const other of others) expect((await asJson([other])).heatmap).not.toEqual(said.heatmap);
  });

  it('draws it on that slice', async () => {
    const { file } = await deciding();
    const ofSeries = await explain(slices, 'image/png');
    expect(ofSeries.headers['content-type']).toBe('image/png');
    expect(ofSeries.rawPayload.equals((await explain([file], 'image/png')).rawPayload)).toBe(true);
  });

  it('sends report and picture as two objects of the study, about that slice', async () => {
    const { file } = await deciding();
    const answer = await explain(slices, 'multipart/related; type="application/dicom"');
    const boundary = /boundary=(\S+)/.exec(String(answer.headers['content-type']))?.[1] ?? '';
    const parts = partsOf(answer.rawPayload, boundary).map((part) => dicomParser.parseDicom(part));
    expect(parts.map((part) => part.string('x00080016'))).toEqual([
      '1.2.840.10008.5.1.4.1.1.88.34',
      '1.2.840.10008.5.1.4.1.1.7',
    ]);
    const source = dicomParser.parseDicom(new Uint8Array(await file.arrayBuffer()));
    const shown = parts[1]?.elements['x00082112']?.items?.[0]?.dataSet;
    expect(shown?.string('x00081155')).toBe(source.string('x00080018'));
    for (const part of parts) expect(part.string('x0020000d')).toBe(source.string('x0020000d'));
  });
});

/** The bodies between the boundary's lines. */
function partsOf(body: Buffer, boundary: string): Buffer[] {
  const text = body.toString('latin1');
  return text
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4, -2), 'latin1'));
}
