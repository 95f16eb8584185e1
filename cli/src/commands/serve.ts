/** `hilum serve`: one model package over HTTP, on this machine. */
import { type ModelState, type ServedModel, createLogger, start } from '@hilum/server';
import type { Io } from '../command.ts';
import { type Screen, bar, createScreen } from '../demo/screen.ts';
import { readyEngine } from '../engine.ts';
import { noMore } from '../flags.ts';
import { type ServerFlags, serverConfig, serverFlagOptions } from './server-config.ts';

interface Values extends ServerFlags {
  readonly json?: boolean;
}

export const serveCommand = {
  name: 'serve',
  summary: 'serve a model package over HTTP (research use only, not for diagnosis)',
  usage: 'hilum serve --model DIR|models:/NAME@ALIAS|s3://…|oci://… [--mlflow URL] [--port N]',
  options: {
    ...serverFlagOptions,
    json: { type: 'boolean', description: 'print the address and the model as one line of JSON' },
  },
  run,
} as const;

/** Returns 0 when told to end; throws GaveUp, with an exit code, when the model cannot be served. */
async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const screen = createScreen(io.stderr);
  const told = ended(io.signal);
  let report: ((text: string) => void) | undefined;
  const config = serverConfig(values);
  // onnxruntime comes with npm's packages, TensorFlow does not.
  if (config.engine.kind === 'tensorflow') await readyEngine();
  const server = await start(config, {
    logger: createLogger(config.logLevel),
    onState: (state) => report?.(words(state)),
  });
  try {
    const model = await screen.step('model', async (progress) => {
      report = progress;
      const served = await Promise.race([server.ready, told]);
      return [served === undefined ? 'told to end' : nameOf(served), served];
    });
    report = undefined;
    if (model === undefined) return 0;
    announce(server.url, model, values, io, screen);
    const end = await Promise.race([told, server.gaveUp]);
    if (end !== undefined) throw end;
    return 0;
  } finally {
    report = undefined;
    await server.close();
  }
}

function ended(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function announce(url: string, served: ServedModel, values: Values, io: Io, screen: Screen): void {
  const { name, version, info } = served;
  if (values.json === true) {
    const model = { name, version, digest: info.digest };
    io.stdout.write(`${JSON.stringify({ url, docs: `${url}/docs`, model, notice: NOTICE })}\n`);
    return;
  }
  screen.line(`listening on ${url}, API page ${url}/docs, Ctrl-C ends it`);
  screen.line(NOTICE);
}

const NOTICE = 'Research use only, not for diagnosis.';

function nameOf({ name, version, info }: ServedModel): string {
  return [name, version ?? '', info.digest.slice(0, 19)].filter((part) => part !== '').join(' ');
}

function words({ message, progress }: ModelState): string {
  if (progress === undefined) return message;
  return `${message} ${bar(megabytes(progress.bytes), megabytes(progress.totalBytes))} MB`;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
