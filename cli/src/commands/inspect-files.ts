/** Files and folders → what `hilum inspect` says of each: facts, and the refusal where there is one. */
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkDomain,
  decodeImage,
  ImagingError,
  inspectDicom,
  lungMask,
  openDicom,
  readFacts,
  scanSeries,
  type Series,
  type SliceFacts,
  type Source,
} from '@hilum/imaging';
import { codeOf, filesBelow, readWhole } from './image-files.ts';
import { type Inspected, type Refusal, round, withSeries } from './inspect-facts.ts';

export type Group =
  | { readonly kind: 'series'; readonly series: Series; readonly files: readonly Inspected[] }
  | { readonly kind: 'others'; readonly files: readonly Inspected[] };

/**
 * Series by series, then all else. Each file is read once for its header and once for its pixels; one is held at a
 * time. Throws for what was named and cannot be read; a file below a folder that cannot be read is a refusal.
 */
export async function* inspectAll(inputs: readonly string[], signal: AbortSignal): AsyncGenerator<Group> {
  const files = new Map<string, Source>();
  const failures = new Map<string, Refusal>();
  for (const input of inputs) {
    for await (const file of sourcesOf(input, failures)) files.set(file.name, file);
  }
  const { series } = await scanSeries(readable(files, failures), { signal });
  const left = new Set(files.keys());
  for (const one of series) {
    const names = [...new Set(namesOf(one))].filter((name) => left.has(name));
    const found: Inspected[] = [];
    for (const name of names) {
      left.delete(name);
      const source = files.get(name);
      if (source !== undefined) found.push(withSeries(await inspectFile(source, signal), one));
    }
    yield { kind: 'series', series: one, files: withoutSkipped(found) };
  }
  const others: Inspected[] = [];
  for (const name of left) {
    const failure = failures.get(name);
    const source = files.get(name);
    if (failure !== undefined) others.push({ file: name, refusal: failure });
    else if (source !== undefined) others.push(await inspectFile(source, signal));
  }
  if (others.length > 0) yield { kind: 'others', files: others };
}

class Unreadable extends Error {
  override readonly name = 'Unreadable';
  readonly code = 'FILE_UNREADABLE';
  readonly exitCode = 65;
}

async function* sourcesOf(input: string, failures: Map<string, Refusal>): AsyncGenerator<Source> {
  let root: string;
  let isFile: boolean;
  try {
    root = await realpath(input);
    isFile = (await stat(root)).isFile();
  } catch (cause) {
    throw new Unreadable(`${input} cannot be read (${codeOf(cause)})`, { cause });
  }
  if (isFile) {
    yield sourceOf(root, input);
    return;
  }
  for await (const { path, relative, regular } of filesBelow(root)) {
    const name = join(input, relative);
    if (!regular)
      failures.set(name, { code: 'NOT_A_FILE', text: 'A link or a special file is not followed.' });
    yield sourceOf(path, name);
  }
}

function sourceOf(path: string, name: string): Source {
  return {
    name,
    read: async () => {
      const bytes = await readWhole(path);
      if (bytes === undefined) throw new ImagingError('LIMIT_EXCEEDED');
      return bytes;
    },
  };
}

/** What can be read at all; the rest becomes a refusal here, since a scan ends with the first source that fails. */
async function* readable(
  files: ReadonlyMap<string, Source>,
  failures: Map<string, Refusal>,
): AsyncGenerator<Source> {
  for (const source of files.values()) {
    if (failures.has(source.name)) continue;
    yield {
      name: source.name,
      read: async (signal) => {
        try {
          return await source.read(signal);
        } catch (error) {
          failures.set(source.name, failureOf(error));
          // No image: the scan passes over it.
          return new Uint8Array();
        }
      },
    };
  }
}

function failureOf(error: unknown): Refusal {
  if (error instanceof ImagingError) return { code: error.code, text: error.message };
  return { code: 'FILE_UNREADABLE', text: `The file cannot be read (${codeOf(error)}).` };
}

/** Those of the slices, in their order, then those that the series left out. */
function namesOf(series: Series): readonly string[] {
  return [
    ...series.slices.map(({ source }) => source.name),
    ...series.warnings.flatMap(({ names }) => names),
  ];
}

async function inspectFile(source: Source, signal: AbortSignal): Promise<Inspected> {
  const file = source.name;
  try {
    const bytes = await source.read(signal);
    return { file, ...(await factsOf(bytes, signal)) };
  } catch (error) {
    signal.throwIfAborted();
    return { file, refusal: failureOf(error) };
  }
}

type Facts = Omit<Inspected, 'file' | 'series'>;

async function factsOf(bytes: Uint8Array, signal: AbortSignal): Promise<Facts> {
  const facts = await refusable(readFacts(bytes, { signal }));
  if ('code' in facts)
    return facts.code === 'NOT_AN_IMAGE' ? pictureFacts(bytes, signal) : { refusal: facts };
  const [first] = facts;
  if (first === undefined) return { refusal: failureOf(new ImagingError('CORRUPT')) };
  const header = {
    format: 'dicom',
    transferSyntax: first.transferSyntax,
    modality: first.modality,
    rows: first.rows,
    columns: first.columns,
    frames: first.frames,
    ...(first.lossyRatio === undefined ? {} : { lossyRatio: round(first.lossyRatio, 1) }),
  } as const;
  const pixels = await refusable(inspectDicom(bytes, { signal }));
  // What is no CT is refused as such, also where its pixels cannot be read.
  const verdict = await classifiable(bytes, facts, signal);
  if ('code' in pixels) return { ...header, refusal: verdict.refusal ?? pixels };
  const { huRange, storedSha256 } = pixels;
  return {
    ...header,
    ...(huRange === undefined ? {} : { huRange: [huRange.min, huRange.max] }),
    storedSha256,
    ...verdict,
  };
}

/** Whether a model of chest CT would take the file; of several frames one with lung is enough. */
async function classifiable(
  bytes: Uint8Array,
  facts: readonly SliceFacts[],
  signal: AbortSignal,
): Promise<Pick<Facts, 'lungFraction' | 'refusal'>> {
  const opened = await refusable(openDicom(bytes, { signal }));
  if ('code' in opened) return { refusal: opened };
  let lungFraction: number | undefined;
  let refusal: Refusal | undefined;
  try {
    for (const frame of facts) {
      const image = await refusable(opened.frame(frame.frame, { signal }));
      if ('code' in image) return { refusal: image };
      const lungs = lungMask(image);
      lungFraction = Math.max(lungFraction ?? 0, lungs.fraction);
      const domain = refusalOf(() => checkDomain(image, { domain: 'chest-ct' }, frame, { lungs }));
      refusal = frame === facts[0] || domain === undefined ? domain : refusal;
      if (domain === undefined) break;
    }
  } finally {
    opened.close();
  }
  return {
    ...(lungFraction === undefined ? {} : { lungFraction: round(lungFraction, 3) }),
    ...(refusal === undefined ? {} : { refusal }),
  };
}

async function pictureFacts(bytes: Uint8Array, signal: AbortSignal): Promise<Facts> {
  const image = await refusable(decodeImage(bytes, { signal }));
  if ('code' in image) return { refusal: image };
  const { source, rows, columns } = image;
  const refusal = refusalOf(() => checkDomain(image, { domain: 'ct-picture' }));
  return { format: source, rows, columns, frames: 1, ...(refusal === undefined ? {} : { refusal }) };
}

async function refusable<T extends object>(work: Promise<T>): Promise<T | Refusal> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ImagingError) return failureOf(error);
    throw error;
  }
}

function refusalOf(check: () => unknown): Refusal | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof ImagingError) return failureOf(error);
    throw error;
  }
}

/** A slice without lung in a series that shows lungs elsewhere is passed over, not refused. */
function withoutSkipped(files: readonly Inspected[]): readonly Inspected[] {
  if (!files.some(({ refusal }) => refusal === undefined)) return files;
  return files.map((file) => {
    if (file.refusal?.code !== 'NOT_CHEST' || file.lungFraction !== 0) return file;
    const { refusal, ...rest } = file;
    return refusal === undefined ? file : rest;
  });
}
