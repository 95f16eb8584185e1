/** `hilum demo`: the whole line on a cluster, from a folder of images to answers of a service. */
import type { Io } from '../command.ts';
import { removeDemo, runDemo } from '../demo/run.ts';
import { createScreen } from '../demo/screen.ts';
import { noMore } from '../flags.ts';

interface Values {
  readonly data?: string;
  readonly dicom?: string;
  readonly context?: string;
  readonly registry?: string;
  readonly namespace?: string;
  readonly down?: boolean;
  readonly json?: boolean;
}

export const demoCommand = {
  name: 'demo',
  summary: 'Trains, registers, serves and classifies on a cluster. Research use only, not for diagnosis.',
  usage: 'hilum demo [--data DIR] [--context NAME [--registry HOST]] [--json] | hilum demo --down',
  options: {
    data: { type: 'string', description: 'images: <label>/<patient>/…; default a SYNTHETIC study set' },
    dicom: { type: 'string', description: 'a DICOM slice to classify; default a synthetic one' },
    context: {
      type: 'string',
      description: 'cluster by the context of the kubeconfig; default kind, else built in',
    },
    registry: { type: 'string', description: 'registry that the nodes of that cluster pull from' },
    namespace: { type: 'string', description: 'default hilum' },
    down: { type: 'boolean', description: 'remove everything that the demo made' },
    json: { type: 'boolean', description: 'print the result as one JSON object' },
  },
  run,
} as const;

async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  noMore(positionals);
  const screen = createScreen(io.stderr);
  const { context, registry, namespace = 'hilum' } = values;
  if (values.down === true) {
    await removeDemo({ context, registry, namespace }, screen);
    if (values.json === true) io.stdout.write(`${JSON.stringify({ removed: true })}\n`);
    return 0;
  }
  const result = await runDemo(
    {
      context,
      registry,
      namespace,
      data: values.data,
      dicom: values.dicom,
      nowMs: Date.now(),
      signal: io.signal,
    },
    screen,
  );
  if (values.json === true) io.stdout.write(`${JSON.stringify(result)}\n`);
  return 0;
}
