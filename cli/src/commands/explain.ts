/** `hilum explain`: where in an image an answer comes from, as a picture, a DICOM object or numbers. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { type Client, type ExplainOptions, HilumError, type Images, createClient } from '@hilum/client';
import { createLogger, start } from '@hilum/server';
import { NOTICE } from '@hilum/wire';
import { type Io, UsageError } from '../command.ts';
import { oneOf, required } from '../flags.ts';
import { serverConfig } from './server-config.ts';

interface Values {
  readonly out?: string;
  readonly url?: string;
  readonly model?: string;
  readonly mlflow?: string;
  readonly label?: string;
  readonly view?: string;
  readonly window?: string;
  readonly json?: boolean;
}

export const explainCommand = {
  name: 'explain',
  summary: 'where in an image an answer comes from, by Grad-CAM (research use only, not for diagnosis)',
  usage: 'hilum explain FILE… --out FILE.png|.dcm|.json [--url URL | --model DIR|models:/NAME@ALIAS]',
  options: {
    out: {
      type: 'string',
      description: 'a picture (.png), a Secondary Capture of the slice’s study (.dcm) or numbers (.json)',
    },
    url: { type: 'string', description: 'the service to ask; default http://127.0.0.1:8080' },
    model: { type: 'string', description: 'no service: load this package, as hilum serve does' },
    mlflow: {
      type: 'string',
      description: 'tracking server of a models:/ address; default $HILUM_MLFLOW_URI',
    },
    label: { type: 'string', description: 'whose score is explained; default the positive label' },
    view: { type: 'string', description: 'of a picture: overlay (default), or heat alone on nothing' },
    window: { type: 'string', description: 'of a CT slice: lung (default) or mediastinal' },
    json: { type: 'boolean', description: 'name what was written as one JSON object' },
  },
  run,
} as const;

const DEFAULT_URL = 'http://127.0.0.1:8080';
// Of a series by a model that is loaded for the moment.
const TIMEOUT_MS = 150_000;

/** Several files are one series, of which the slice that decided is explained. Throws UsageError, Refused, GaveUp. */
async function run(values: Values, files: readonly string[], io: Io): Promise<number> {
  if (files.length === 0) throw new UsageError('name at least one file');
  const out = required('out', values.out);
  const form = oneOf('out', extname(out).toLowerCase(), ['.png', '.dcm', '.json'] as const) ?? '.png';
  // Nobody means to lose a slice.
  if (files.some((file) => resolve(file) === resolve(out))) {
    throw new UsageError(`--out ${out} is one of the files to be explained`);
  }
  if (values.url !== undefined && values.model !== undefined) {
    throw new UsageError('--url asks a service, --model needs none: give one of them');
  }
  const asked = {
    view: oneOf('view', values.view, ['overlay', 'heat'] as const),
    window: oneOf('window', values.window, ['lung', 'mediastinal'] as const),
    label: values.label,
  };
  const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
  const images = await imagesOf(files);
  const explained = await withServer(values, io, async (url) => {
    const client = createClient({ baseUrl: url, timeoutMs: TIMEOUT_MS });
    return bytesOf(client, images, form, { ...given, signal: io.signal });
  });
  await writeFile(out, explained);
  const notice = `What the network went by, not where a tumour is. ${NOTICE}`;
  io.stdout.write(values.json === true ? `${JSON.stringify({ out, notice })}\n` : `${out}\n${notice}\n`);
  return 0;
}

async function imagesOf(paths: readonly string[]): Promise<Images> {
  const files = await Promise.all(
    paths.map(async (path) => ({ name: basename(path), bytes: await contentOf(path) })),
  );
  const [only] = files;
  return only !== undefined && files.length === 1 ? only.bytes : { files };
}

async function contentOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new Refused('FILE_UNREADABLE', `${path} cannot be read`, 65, { cause });
  });
}

async function withServer<T>(values: Values, io: Io, work: (url: string) => Promise<T>): Promise<T> {
  if (values.model === undefined) {
    const url = values.url ?? DEFAULT_URL;
    if (!URL.canParse(url)) throw new UsageError(`--url is an address such as ${DEFAULT_URL}, not ${url}`);
    return work(url);
  }
  const { model, mlflow } = values;
  const config = serverConfig({
    model,
    ...(mlflow === undefined ? {} : { mlflow }),
    host: '127.0.0.1',
    port: '0',
  });
  const server = await start(config, { logger: createLogger('silent') });
  try {
    await Promise.race([server.ready, aborted(io.signal)]);
    return await work(server.url);
  } finally {
    await server.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
  });
}

async function bytesOf(
  client: Client,
  images: Images,
  form: '.png' | '.dcm' | '.json',
  options: ExplainOptions,
): Promise<Uint8Array | string> {
  try {
    if (form === '.json') return `${JSON.stringify(await client.explain(images, options), undefined, 2)}\n`;
    const accept = form === '.png' ? 'image/png' : 'application/dicom';
    return await client.explain(images, { ...options, accept });
  } catch (error) {
    if (!(error instanceof HilumError)) throw error;
    const { code, message, status = 503 } = error;
    const hint = code === 'UNREACHABLE' ? ' Start a service with: hilum serve --model DIR' : '';
    const isTheirs = status < 500 || code === 'NOT_EXPLAINABLE';
    throw new Refused(code, `${message}${hint}`, isTheirs ? 65 : 69, { cause: error });
  }
}

/** 65: another image, label or model would be answered. 69: another time or place. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;
  readonly exitCode: 65 | 69;

  constructor(code: string, message: string, exitCode: 65 | 69, options: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exitCode = exitCode;
  }
}
