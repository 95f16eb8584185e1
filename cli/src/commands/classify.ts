/** `hilum classify`: images and series to answers, by a service that runs or by a package that is served for the moment. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Client, HilumError, type Images, type NamedFile, createClient } from '@hilum/client';
import { createLogger, start } from '@hilum/server';
import { type Classification, NOTICE } from '@hilum/wire';
import { type Io, UsageError } from '../command.ts';
import { table } from '../demo/screen.ts';
import { readyEngine } from '../engine.ts';
import { printable } from '../printable.ts';
import { codeOf, filesBelow } from './image-files.ts';
import { serverConfig } from './server-config.ts';

interface Values {
  readonly url?: string;
  readonly model?: string;
  readonly mlflow?: string;
  readonly json?: boolean;
}

export const classifyCommand = {
  name: 'classify',
  summary: 'classify DICOM, PNG or JPEG files, and folders as series (research use only, not for diagnosis)',
  usage: 'hilum classify FILE|FOLDER… [--url URL | --model DIR|models:/NAME@ALIAS] [--json]',
  options: {
    url: {
      type: 'string',
      description: 'the service to ask, by the key in $HILUM_API_KEY; default http://127.0.0.1:8080',
    },
    model: { type: 'string', description: 'no service: load this package, as hilum serve does' },
    mlflow: {
      type: 'string',
      description: 'tracking server of a models:/ address; default $HILUM_MLFLOW_URI',
    },
    json: { type: 'boolean', description: 'print everything as one JSON document' },
  },
  run,
} as const;

const DEFAULT_URL = 'http://127.0.0.1:8080';

type Failure = { readonly code: string; readonly detail: string; readonly outcome?: 'refused' };
type Result =
  | ({ readonly file: string } & Classification)
  | { readonly file: string; readonly error: Failure };

/** 0 when every file has an answer, an abstention counted, 1 when one was refused; throws UsageError, Unreachable, GaveUp. */
async function run(values: Values, paths: readonly string[], io: Io): Promise<number> {
  if (paths.length === 0) throw new UsageError('name at least one file');
  if (values.url !== undefined && values.model !== undefined) {
    throw new UsageError('--url asks a service, --model needs none: give one of them');
  }
  if (values.model === undefined) return classifyAll(values.url ?? DEFAULT_URL, paths, values, io);
  const config = serverConfig({ ...values, host: '127.0.0.1', port: '0' });
  await readyEngine();
  const server = await start(config, { logger: createLogger('silent') });
  try {
    await Promise.race([server.ready, aborted(io.signal)]);
    return await classifyAll(server.url, paths, values, io);
  } finally {
    await server.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

async function classifyAll(url: string, paths: readonly string[], values: Values, io: Io): Promise<number> {
  if (!URL.canParse(url)) throw new UsageError(`--url is an address such as ${DEFAULT_URL}, not ${url}`);
  const apiKey = process.env['HILUM_API_KEY'];
  const client = createClient({ baseUrl: url, ...(apiKey !== undefined && { apiKey }) });
  const results: Result[] = [];
  // One after the other: the service infers a few at a time, and a queue of ours would only be refused.
  for (const path of paths) results.push(await classifyPath(client, url, path, io.signal));
  if (values.json === true) {
    io.stdout.write(`${JSON.stringify({ results, notice: NOTICE }, undefined, 2)}\n`);
  } else {
    io.stdout.write(`${table([HEAD, ...results.map(row)])}\n${NOTICE}\n`);
  }
  return results.some((result) => 'error' in result) ? 1 : 0;
}

class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly code = 'UNREACHABLE';
  readonly exitCode = 69;
}

const TIMEOUT_MS = 60_000;
const SERIES_TIMEOUT_MS = 600_000;

async function classifyPath(client: Client, url: string, file: string, signal: AbortSignal): Promise<Result> {
  let images: Images;
  try {
    images = await imagesAt(file);
  } catch (error) {
    const detail = `the file cannot be read (${codeOf(error)})`;
    return { file, error: { code: 'FILE_UNREADABLE', detail } };
  }
  const timeoutMs = images instanceof Uint8Array ? TIMEOUT_MS : SERIES_TIMEOUT_MS;
  try {
    return { file, ...(await client.classify(images, { signal, timeoutMs })) };
  } catch (error) {
    if (!(error instanceof HilumError)) throw error;
    const { code, message: detail, refused } = error;
    if (code === 'NOT_HILUM')
      throw new Unreachable(`${url} answers, but it is no Hilum server`, { cause: error });
    if (code === 'UNREACHABLE' || code === 'TIMEOUT') {
      throw new Unreachable(`no answer from ${url}; start one with: hilum serve --model DIR`, {
        cause: error,
      });
    }
    return { file, error: { code, detail, ...(refused && { outcome: 'refused' }) } };
  }
}

/** A folder is one series, whatever is below it. */
async function imagesAt(path: string): Promise<Images> {
  if (!(await stat(path)).isDirectory()) {
    const bytes = await readFile(path);
    return isZip(bytes) ? { zip: bytes } : bytes;
  }
  const files: NamedFile[] = [];
  for await (const { path: file, relative, regular } of filesBelow(path)) {
    if (regular) files.push({ name: relative, bytes: await readFile(file) });
  }
  if (files.length === 0) throw Object.assign(new Error('an empty folder'), { code: 'ENOENT' });
  return { files };
}

/** Sent as what it is, it may be larger than an image. */
function isZip(bytes: Uint8Array): boolean {
  return [0x50, 0x4b, 0x03, 0x04].every((byte, at) => bytes[at] === byte);
}

const HEAD = ['FILE', 'LABEL', 'PROBABILITY', 'MODEL', 'TIME', 'NOTE'];

function row(result: Result): string[] {
  const file = printable(basename(result.file));
  if ('error' in result) {
    const { outcome, code, detail } = result.error;
    return [file, outcome ?? '-', '-', '-', '-', printable(`${code}: ${detail}`)];
  }
  const { outcome, label, probability, model, timings } = result;
  return [
    file,
    // What the model does not stand by is not printed where a label would be.
    outcome === 'abstained' ? 'abstained' : label,
    outcome === 'abstained' ? '-' : probability.toFixed(4),
    model.version === null ? model.name : `${model.name}/${model.version}`,
    `${timings.totalMs.toFixed(0)} ms`,
    notesOn(result).map(printable).join('; '),
  ];
}

function notesOn({ abstention, positive, outcome, decision, series, warnings }: Classification): string[] {
  const { operatingPoint } = decision;
  const isCalled = outcome === 'classified' && operatingPoint !== null;
  return [
    ...(abstention === null ? [] : [abstention.message]),
    ...(isCalled
      ? [`${positive.called === true ? 'at or above' : 'below'} the operating point for ${positive.label}`]
      : []),
    ...(series === null
      ? []
      : [`${series.scored} of ${series.slices} slices scored, ${series.deciding.name} decided`]),
    ...(series !== null && series.refused.length > 0 ? [`left out: ${series.refused.length}`] : []),
    ...warnings.map(({ code }) => code),
  ];
}
