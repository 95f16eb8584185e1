/** `hilum oip-conformance`: does a server, ours or another, do what the Open Inference Protocol says. */
import { CONTRADICTIONS, conformanceText, runConformance } from '@hilum/test';
import { UsageError, type Io } from '../command.ts';

interface Values {
  readonly model?: string;
  readonly grpc?: string;
  readonly json?: boolean;
}

export const oipConformanceCommand = {
  name: 'oip-conformance',
  summary: 'hold a server, ours or another, to the Open Inference Protocol: HTTP, binary tensors and gRPC',
  usage: 'hilum oip-conformance URL [--model NAME] [--grpc HOST:PORT] [--json]',
  options: {
    model: { type: 'string', description: 'the model to ask; default the first of /v2/repository/index' },
    grpc: {
      type: 'string',
      description: 'where gRPC is; default the address of URL, skipped where nobody answers there',
    },
    json: { type: 'boolean', description: 'print the findings and the contradictions as one JSON object' },
  },
  run,
} as const;

/** Returns 0 when nothing failed, 1 when something did; throws OIP_NO_MODEL (69). */
async function run(values: Values, positionals: readonly string[], io: Io): Promise<number> {
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0)
    throw new UsageError('name one server: hilum oip-conformance URL');
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError('a URL begins with http:// or https://, such as http://localhost:8080');
  }
  const report = await runConformance({ url, model: values.model, grpc: values.grpc });
  const out =
    values.json === true
      ? `${JSON.stringify({ ...report, contradictions: CONTRADICTIONS })}\n`
      : conformanceText(report);
  io.stdout.write(out);
  return report.failed === 0 ? 0 : 1;
}
