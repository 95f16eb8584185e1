/** `hilum COMMAND …`: finds the command, runs it, and turns what went wrong into a line and an exit code. */
import packageJson from '../package.json' with { type: 'json' };
import { explain, parseCall, UsageError, type Command, type Io } from './command.ts';

/** A command's room is loaded when it is called: `hilum --help` must not wait for TensorFlow. */
const COMMANDS: readonly { readonly name: string; readonly summary: string; load(): Promise<Command> }[] = [
  {
    name: 'demo',
    summary: 'the whole line on a cluster: train, register, serve, classify',
    load: async () => (await import('./commands/demo.ts')).demoCommand,
  },
  {
    name: 'train',
    summary: 'train a model from a folder of images',
    load: async () => (await import('./commands/train.ts')).trainCommand,
  },
  {
    name: 'search',
    summary: 'search for settings on the training and validation patients, and train with the best',
    load: async () => (await import('./commands/search.ts')).searchCommand,
  },
  {
    name: 'crossvalidate',
    summary: 'how good settings are by cross-validation, chosen inside of each fold',
    load: async () => (await import('./commands/crossvalidate.ts')).crossvalidateCommand,
  },
  {
    name: 'evaluate',
    summary: 'accuracy and AUC-ROC of a model package on a folder of images',
    load: async () => (await import('./commands/evaluate.ts')).evaluateCommand,
  },
  {
    name: 'package',
    summary: 'verify a model package and put it beside its evaluation, to be handed on',
    load: async () => (await import('./commands/package.ts')).packageCommand,
  },
  {
    name: 'serve',
    summary: 'serve a model package over HTTP',
    load: async () => (await import('./commands/serve.ts')).serveCommand,
  },
  {
    name: 'ledger',
    summary: 'verify the record of predictions that a server kept, or compute it again',
    load: async () => (await import('./commands/ledger.ts')).ledgerCommand,
  },
  {
    name: 'classify',
    summary: 'classify DICOM, PNG or JPEG files',
    load: async () => (await import('./commands/classify.ts')).classifyCommand,
  },
  {
    name: 'explain',
    summary: 'where in an image an answer comes from, as a heat map',
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  {
    name: 'key',
    summary: 'make an API key of a served model',
    load: async () => (await import('./commands/key.ts')).keyCommand,
  },
  {
    name: 'push-model',
    summary: 'store a model package in an OCI registry',
    load: async () => (await import('./commands/push-model.ts')).pushModelCommand,
  },
  {
    name: 'fetch',
    summary: 'fetch images from a DVC remote into a folder, verified',
    load: async () => (await import('./commands/fetch.ts')).fetchCommand,
  },
  {
    name: 'push',
    summary: 'store a folder of images or a model package in a DVC remote',
    load: async () => (await import('./commands/push.ts')).pushCommand,
  },
  {
    name: 'audit',
    summary: 'look for patients and pictures on two sides of a split',
    load: async () => (await import('./commands/audit.ts')).auditCommand,
  },
  {
    name: 'prepare',
    summary: 'check a folder of images and write what is in it, with its pin and its split',
    load: async () => (await import('./commands/prepare.ts')).prepareCommand,
  },
  {
    name: 'inspect',
    summary: 'what is in image files, and whether it can be classified',
    load: async () => (await import('./commands/inspect.ts')).inspectCommand,
  },
  {
    name: 'deidentify',
    summary: 'de-identify DICOM files by PS3.15 Annex E',
    load: async () => (await import('./commands/deidentify.ts')).deidentifyCommand,
  },
  {
    name: 'track-sync',
    summary: 'send to MLflow what a run kept while it was away',
    load: async () => (await import('./commands/track-sync.ts')).trackSyncCommand,
  },
  {
    name: 'oip-conformance',
    summary: 'hold a server, ours or another, to the Open Inference Protocol',
    load: async () => (await import('./commands/oip-conformance.ts')).oipConformanceCommand,
  },
  {
    name: 'phantom',
    summary: 'write a small set of SYNTHETIC chest CT studies as DICOM',
    load: async () => (await import('./commands/phantom.ts')).phantomCommand,
  },
];

/** @returns 0, or 64 usage, 65 data, 69 something needed is not there, 70 a bug, 130 and 143 told to end */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? io.stderr : io.stdout).write(overview());
    return name === undefined ? 64 : 0;
  }
  if (name === '--version') {
    io.stdout.write(`${packageJson.version}\n`);
    return 0;
  }
  try {
    const entry = COMMANDS.find((command) => command.name === name);
    if (entry === undefined) throw new UsageError(`there is no command ${name}; hilum --help lists them`);
    const command = await entry.load();
    const { values, positionals, help } = parseCall(command, rest);
    if (help) {
      io.stdout.write(explain(command));
      return 0;
    }
    return await command.run(values as never, positionals, io);
  } catch (error) {
    const { code, message, exitCode } = describe(error);
    const who = COMMANDS.some((command) => command.name === name) ? `hilum ${name}` : 'hilum';
    io.stderr.write(`${who}: ${exitCode === 70 ? '' : `${code}: `}${message}\n`);
    if (rest.includes('--json')) io.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
    return exitCode;
  }
}

function overview(): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `hilum COMMAND [options]\n\nLung-tumour classification from chest CT. Research use only, not for diagnosis.\n\n${lines.join('\n')}\n\nhilum COMMAND --help explains one. Exit codes: 0 good, 64 usage, 65 data, 69 unavailable, 70 bug.\n`;
}

/** Exit codes of errors that do not carry their own. By name, so that no room is loaded for its error alone. */
const EXIT_BY_NAME: Readonly<Record<string, number>> = {
  ConfigError: 64,
  PackageError: 65,
  StoreError: 69,
  ImagingError: 65,
  MlflowError: 69,
  EngineError: 69,
  ClusterError: 69,
  DemoError: 69,
};

/** Before the name: an address that is none is the caller's mistake, and waiting does not help. */
const EXIT_BY_CODE: Readonly<Record<string, number>> = { BASE_URL_INVALID: 64, STORE_UNSUPPORTED: 64 };

function describe(error: unknown): {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
} {
  if (!(error instanceof Error)) return { code: 'INTERNAL', message: String(error), exitCode: 70 };
  const own = 'exitCode' in error && typeof error.exitCode === 'number' ? error.exitCode : undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'INTERNAL';
  const exitCode = own ?? EXIT_BY_CODE[code] ?? EXIT_BY_NAME[error.name] ?? 70;
  // A bug is reported with where it is; all else with what to do.
  const message = exitCode === 70 ? (error.stack ?? error.message) : error.message;
  return { code, message, exitCode };
}
