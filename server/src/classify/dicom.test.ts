/** Answers as DICOM reports, as highdicom reads them and as dicom3tools judges them. */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { dicomVenv, run } from '@hilum/hack';
import { closeDecoders, readFacts } from '@hilum/imaging';
import type { PackageInfo } from '@hilum/model';
import { classificationSchema, problemSchema } from '@hilum/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DATA_ABSENT,
  RENDERING,
  ctSlice,
  lidcPng,
  scratch,
  seriesFolder,
  servedAs,
  writeRealPackage,
} from '../../test/fixtures.ts';
import { decided } from '../../test/decision.ts';
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

interface Report {
  readonly class: string;
  readonly algorithm: readonly string[];
  readonly parameters: readonly string[];
  readonly numbers: Readonly<Record<string, readonly [number, string, number]>>;
  readonly evaluations: Readonly<Record<string, readonly [string, string]>>;
  readonly texts: readonly unknown[];
  readonly sources: readonly unknown[];
  readonly evidence: Readonly<Record<string, readonly string[]>>;
}

const READER = resolve(import.meta.dirname, '../../../imaging/test/report/read.py');

/** By highdicom. */
async function read(bytes: Buffer): Promise<Report> {
  const { python } = await dicomVenv();
  const { stdout } = await run(python, [READER, 'report', await inFile(bytes)]);
  return JSON.parse(stdout) as Report;
}

async function inFile(bytes: Buffer): Promise<string> {
  const path = join(dir.path, 'report.dcm');
  await writeFile(path, bytes);
  return path;
}

async function post(payload: Buffer, headers: Record<string, string>, to: Harness = server) {
  return to.app.inject({ method: 'POST', url: '/v1/classify', payload, headers });
}

const DICOM = { accept: 'application/dicom' };

describe.skipIf(DATA_ABSENT)(`POST /v1/classify with Accept: application/dicom ${DATA_ABSENT || ''}`, () => {
  it('answers a slice with a report of its study that says the same as the JSON', async () => {
    const slice = await ctSlice();
    const said = classificationSchema.parse((await post(slice, {})).json());
    const response = await post(slice, DICOM);
    expect([response.statusCode, response.headers['content-type'], response.headers['vary']]).toEqual([
      200,
      'application/dicom',
      'accept',
    ]);
    const report = await read(response.rawPayload);
    const [facts] = await readFacts(slice);
    expect(report.class).toBe('Comprehensive3DSR');
    expect(report.algorithm).toEqual(['lung', '7']);
    expect(report.parameters).toEqual([`model: ${info.digest}`]);
    expect(report.evidence).toEqual({ [facts?.seriesUid ?? '']: [facts?.instanceUid] });
    expect(report.evaluations['Outcome of the classification']).toEqual(['classified', '99HILUM']);
    for (const [label, p] of Object.entries(said.probabilities)) {
      expect(report.numbers[`Probability of ${label}`]?.[2]).toBeCloseTo(100 * p, 9);
    }
    expect(response.rawPayload.toString('latin1')).toContain('Research use only, not for diagnosis.');
  });

  it('answers a series with one report of all slices, and the standard finds no error in it', async () => {
    const form = new FormData();
    const folder = seriesFolder();
    const names = (await readdir(folder))
      .filter((name) => name.endsWith('.dcm'))
      .toSorted()
      .slice(0, 5);
    for (const name of names) form.append('file', new File([await readFile(join(folder, name))], name));
    const sent = new Response(form);
    const type = sent.headers.get('content-type') ?? '';
    const response = await post(Buffer.from(await sent.arrayBuffer()), { ...DICOM, 'content-type': type });
    const report = await read(response.rawPayload);
    expect(report.numbers['Slices used']?.[0]).toBe(5);
    expect(Object.values(report.evidence).flat()).toHaveLength(5);
    expect(report.sources).toHaveLength(1);
    expect(report.parameters[1]).toMatch(/^aggregation: mean of the 3 highest slices/);
    const { stdout, stderr } = await run('dciodvfy', [await inFile(response.rawPayload)], {
      allowFailure: true,
    });
    const verdict = `${stdout}\n${stderr}`;
    expect(verdict).toContain('Comprehensive3DSR');
    expect(verdict.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
  });

  it('sends the report as the one part of a multipart answer where that is asked for', async () => {
    const response = await post(await ctSlice(), { accept: 'multipart/related; type="application/dicom"' });
    const type = response.headers['content-type'] as string;
    expect(type).toMatch(/^multipart\/related; type="application\/dicom"; boundary=[0-9a-f-]{36}$/);
    // With another name the platform's own parser takes it apart.
    const [, boundary = ''] = type.split('boundary=');
    const parts = response.rawPayload.toString('latin1').split(`--${boundary}`);
    expect(parts).toHaveLength(3);
    expect(parts[2]).toBe('--\r\n');
    const [head = '', ...body] = (parts[1] ?? '').split('\r\n\r\n');
    expect(head).toBe('\r\nContent-Type: application/dicom');
    const object = Buffer.from(body.join('\r\n\r\n').slice(0, -2), 'latin1');
    expect((await read(object)).algorithm).toEqual(['lung', '7']);
  });

  it('writes an abstention as a refusal with its reason, and no probability', async () => {
    const decision = decided(info, { image: { conformal: { alpha: 0.1, threshold: 0.99, samples: 9 } } });
    const unsure = await harness({ engine, model: servedAs({ ...info, decision }, RENDERING) });
    const response = await post(await ctSlice(), DICOM, unsure);
    await unsure.close();
    const report = await read(response.rawPayload);
    expect(report.evaluations).toMatchObject({
      'Outcome of the classification': ['refused', '99HILUM'],
      'Reason for refusal': ['SEVERAL_LABELS', '99HILUM'],
    });
    expect(report.numbers).toEqual({});
  });

  it('has no report of a picture, and gives JSON to a client that takes it as well', async () => {
    const png = await lidcPng();
    const only = await post(png, DICOM);
    const problem = problemSchema.strict().parse(only.json());
    expect([only.statusCode, problem.code]).toEqual([406, 'NOT_ACCEPTABLE']);
    expect(problem.detail).toMatch(/^What is no DICOM file names no patient and no study/);
    const either = await post(png, { accept: 'application/dicom, application/json;q=0.1' });
    expect(classificationSchema.parse(either.json()).image.format).toBe('png');
  });

  it('refuses a form that it has not before the body is read, and lists those that it has', async () => {
    const response = await post(await ctSlice(), { accept: 'application/pdf' });
    const problem = problemSchema.strict().parse(response.json());
    expect([response.statusCode, problem.code]).toEqual([406, 'NOT_ACCEPTABLE']);
    expect(problem.detail).toContain(
      'There is: application/json, application/dicom, multipart/related; type="application/dicom"',
    );
  });
});
