/** De-identified real files before other judges: pydicom for what is in them, dciodvfy for whether they are valid. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dicomVenv, run } from '@hilum/hack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeDecoders, deidentify, inspectDicom } from '../src/index.ts';
import { expectedPixels, noData, realFile, realPath } from './real-files.ts';

type Finding = {
  readonly searched: number;
  readonly leaks: readonly string[];
  readonly private: number;
  readonly samePixels: boolean;
  readonly sameSyntax: boolean;
  readonly metaInstance: boolean;
  readonly patientId: string;
  readonly study: string;
  readonly series: string;
  readonly codes: readonly string[];
};

const key = Buffer.from('a secret of at least sixteen bytes');
// Not a file: cut in the middle. No Part 10 files: without preamble.
const UNREADABLE = /MR_truncated|no_meta|rtstruct/;
const DEFLATED = /deflated|image_dfl/;
// dciodvfy ends itself on an assertion about this file, before and after.
const DCIODVFY_DIES = /badVR/;
const MANY_MS = 180_000;

const paths = expectedPixels()
  .map(({ path }) => path)
  .filter((path) => !UNREADABLE.test(path));
let dir: string;
let removed: readonly Finding[] = [];
let shifted: readonly Finding[] = [];
const after = (path: string, mode: string): string => join(dir, `${mode}-${paths.indexOf(path)}.dcm`);

describe.skipIf(noData)(`de-identified real files ${noData || ''}`, { timeout: MANY_MS }, () => {
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hilum-deidentified-'));
    removed = await judge('removed', {});
    shifted = await judge('shifted', { shiftDates: true });
  }, MANY_MS);
  afterAll(async () => {
    await closeDecoders();
    await rm(dir, { recursive: true, force: true });
  });

  it('hold no text that identified before, in any of their bytes', () => {
    expect(paths.length).toBeGreaterThan(35);
    const leaks = paths.flatMap((path, at) =>
      (removed[at]?.leaks ?? ['?']).map((leak) => `${path}: ${leak}`),
    );
    expect(leaks).toEqual([]);
    // Otherwise nothing was looked for: the CT1 files alone hold names, institution, dates and private text.
    const searched = paths.map((path, at) => (path.includes('CT1_') ? (removed[at]?.searched ?? 0) : 99));
    expect(Math.min(...searched)).toBeGreaterThan(20);
  });

  it('hold no text that identified before, with dates moved, but the time of day', () => {
    const leaks = shifted.flatMap(({ leaks }) => leaks).filter((keyword) => !keyword.endsWith('Time'));
    expect(leaks).toEqual([]);
  });

  it('are what pydicom reads: no private element, the same pixels and syntax, one identity', () => {
    expect(
      removed.map((finding) => [
        finding.private,
        finding.samePixels,
        finding.sameSyntax,
        finding.metaInstance,
      ]),
    ).toEqual(paths.map(() => [0, true, true, true]));
    expect(new Set(removed.map(({ codes }) => codes.join(' ')))).toEqual(new Set(['113100']));
    expect(new Set(shifted.map(({ codes }) => codes.join(' ')))).toEqual(new Set(['113100 113107']));
  });

  it('stay together as patient, study and series, in both runs', () => {
    const series = removed.filter((_, at) => paths[at]?.includes('series-LungFCP'));
    expect(series.length).toBe(20);
    expect(new Set(series.map(({ patientId }) => patientId)).size).toBe(1);
    expect(new Set(series.map(({ study }) => study)).size).toBe(1);
    expect(new Set(series.map((finding) => finding.series)).size).toBe(1);
    expect(identities(shifted)).toEqual(identities(removed));
    expect(new Set(removed.map(({ patientId }) => patientId)).size).toBeGreaterThan(4);
  });

  it('decode to the same stored values', async () => {
    const decodable = expectedPixels().filter(({ path, sha256 }) => paths.includes(path) && sha256 !== '');
    for (const { path } of decodable) {
      const before = await stored(realFile(path));
      const output = await deidentify(realFile(path), { key, burnedIn: 'flag' });
      expect([path, await stored(output.bytes ?? new Uint8Array())]).toEqual([path, before]);
    }
  });

  it('give dciodvfy no error that it had not found before', async () => {
    for (const path of paths.filter((path) => !DEFLATED.test(path) && !DCIODVFY_DIES.test(path))) {
      const before = await errorsOf(realPath(path));
      for (const mode of ['removed', 'shifted']) {
        const fresh = [...(await errorsOf(after(path, mode)))].filter((line) => !before.has(line));
        expect([path, mode, fresh]).toEqual([path, mode, []]);
      }
    }
  });
});

async function judge(mode: string, options: { readonly shiftDates?: boolean }): Promise<readonly Finding[]> {
  for (const path of paths) {
    const { bytes } = await deidentify(realFile(path), { key, burnedIn: 'flag', ...options });
    await writeFile(after(path, mode), bytes ?? '');
  }
  const { python } = await dicomVenv();
  const pairs = JSON.stringify(paths.map((path) => [realPath(path), after(path, mode)]));
  const script = join(import.meta.dirname, 'deidentify_peer.py');
  const { stdout } = await run(python, ['-W', 'ignore', script, pairs], { timeoutMs: MANY_MS });
  return JSON.parse(stdout) as readonly Finding[];
}

const identities = (findings: readonly Finding[]) =>
  findings.map(({ patientId, study }) => [patientId, study]);

/** The digest of the stored values, or the code of the refusal. */
async function stored(bytes: Uint8Array): Promise<string> {
  try {
    return (await inspectDicom(bytes)).storedSha256;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

async function errorsOf(path: string): Promise<ReadonlySet<string>> {
  const { stdout, stderr } = await run('dciodvfy', ['-new', path], { allowFailure: true });
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.startsWith('Error'));
  return new Set(lines);
}
