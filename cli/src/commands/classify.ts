/** `hilum classify`: image files to answers, by a service that runs or by a package that is served for the moment. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createLogger, start } from '@hilum/server';
import { type Classification, classificationSchema, problemSchema } from '@hilum/wire';
import { type Io, UsageError } from '../command.ts';
import { table } from '../demo/screen.ts';
import { readyEngine } from '../engine.ts';
import { serverConfig } from './server-config.ts';

interface Values {
  readonly url?: string;
  readonly model?: string;
  readonly mlflow?: string;
  readonly json?: boolean;
}

export const classifyCommand = {
  name: 'classify',
  summary: 'classify DICOM, PNG or JPEG files (research use only, not for diagnosis)',
  usage: 'hilum classify FILE… [--url URL | --model DIR|models:/NAME@ALIAS] [--json]',
  options: {
    url: { type: 'string', description: 'the service to ask; default http://127.0.0.1:8080' },
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
const ANSWER_TIMEOUT_MS = 60_000;
type Result =
  | ({ readonly file: string } & Classification)
  | { readonly file: string; readonly error: { readonly code: string; readonly detail: string } };

/** 0 when every file has an answer, 1 when one was refused; throws UsageError, Unreachable, GaveUp. */
async function run(values: Values, files: readonly string[], io: Io): Promise<number> {
  if (files.length === 0) throw new UsageError('name at least one file');
  if (values.url !== undefined && values.model !== undefined) {
    throw new UsageError('--url asks a service, --model needs none: give one of them');
  }
  if (values.model === undefined) return classifyAll(values.url ?? DEFAULT_URL, files, values, io);
  const config = serverConfig({ ...values, host: '127.0.0.1', port: '0' });
  await readyEngine();
  const server = await start(config, { logger: createLogger('silent') });
  try {
    await Promise.race([server.ready, aborted(io.signal)]);
    return await classifyAll(server.url, files, values, io);
  } finally {
    await server.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

async function classifyAll(url: string, files: readonly string[], values: Values, io: Io): Promise<number> {
  const results: Result[] = [];
  // One after the other: the service infers one at a time, and a queue of ours would only be refused.
  for (const file of files) results.push(await classifyFile(url, file, io.signal));
  if (values.json === true) {
    io.stdout.write(`${JSON.stringify({ results, notice: NOTICE }, undefined, 2)}\n`);
  } else {
    io.stdout.write(`${table([HEAD, ...results.map(row)])}\n${NOTICE}\n`);
  }
  return results.some((result) => 'error' in result) ? 1 : 0;
}

const NOTICE = 'Research use only, not for diagnosis.';

class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly code = 'UNREACHABLE';
  readonly exitCode = 69;
}

async function classifyFile(url: string, file: string, signal: AbortSignal): Promise<Result> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await readFile(file));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNREADABLE';
    return { file, error: { code: 'FILE_UNREADABLE', detail: `the file cannot be read (${code})` } };
  }
  const response = await ask(url, bytes, signal);
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return { file, ...classificationSchema.parse(body) };
  const problem = problemSchema.safeParse(body);
  if (!problem.success) throw new Unreachable(`${url} answers ${response.status}, but it is no Hilum server`);
  return { file, error: { code: problem.data.code, detail: problem.data.detail } };
}

async function ask(url: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Response> {
  if (!URL.canParse(url)) throw new UsageError(`--url is an address such as ${DEFAULT_URL}, not ${url}`);
  try {
    return await fetch(new URL('/v1/classify', url), {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new Unreachable(`no answer from ${url}; start one with: hilum serve --model DIR`, { cause });
  }
}

const HEAD = ['FILE', 'LABEL', 'PROBABILITY', 'MODEL', 'TIME', 'NOTE'];

function row(result: Result): string[] {
  const file = basename(result.file);
  if ('error' in result) return [file, '-', '-', '-', '-', `${result.error.code}: ${result.error.detail}`];
  const { label, probability, model, timings, warnings } = result;
  return [
    file,
    label,
    probability.toFixed(4),
    model.version === null ? model.name : `${model.name}/${model.version}`,
    `${timings.totalMs.toFixed(0)} ms`,
    warnings.map(({ code }) => code).join(' '),
  ];
}
