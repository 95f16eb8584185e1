/** The suite: every check against one server, and what came of it. */
import { z } from 'zod';
import { binaryChecks } from './binary-checks.ts';
import { type Finding, Miss, findings } from './check.ts';
import { type Grpc, createGrpc } from './grpc.ts';
import { grpcChecks } from './grpc-checks.ts';
import { type ModelMetadata, type Rest, createRest } from './rest.ts';
import { type Asked, healthChecks, inferChecks, metadataChecks } from './rest-checks.ts';

export interface ConformanceOptions {
  /** Of HTTP, such as `http://localhost:8080`. */
  readonly url: string;
  /** Default the first of the repository index. */
  readonly model?: string | undefined;
  /** HOST:PORT; default that of `url`, and skipped where nobody answers there. */
  readonly grpc?: string | undefined;
}

export interface ConformanceReport {
  readonly url: string;
  readonly model: string;
  readonly findings: readonly Finding[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** No model was named, and the server names none. */
class NoModelError extends Error {
  override readonly name = 'NoModelError';
  readonly code = 'OIP_NO_MODEL';
  readonly exitCode = 69;
}

/** @throws NoModelError */
export async function runConformance({ url, model, grpc }: ConformanceOptions): Promise<ConformanceReport> {
  const rest = createRest(url, 'left out');
  const name = model ?? (await firstModel(rest));
  let told: Promise<ModelMetadata> | undefined;
  const strict = createRest(url, 'refused');
  const asked: Asked = { rest, strict, name, metadata: () => (told ??= rest.model(name)) };
  const remote = await reach(url, grpc);
  try {
    const found = await findings([
      ...healthChecks(asked),
      ...metadataChecks(asked),
      ...inferChecks(asked),
      ...binaryChecks(asked),
      ...grpcChecks(asked, remote),
    ]);
    const count = (result: Finding['result']): number =>
      found.filter((finding) => finding.result === result).length;
    return {
      url,
      model: name,
      findings: found,
      passed: count('pass'),
      failed: count('fail'),
      skipped: count('skip'),
    };
  } finally {
    if (typeof remote !== 'string') remote.close();
  }
}

async function firstModel(rest: Rest): Promise<string> {
  const models = await rest.repository().catch((cause: unknown) => {
    throw new NoModelError('the server does not tell its models; name one with --model', { cause });
  });
  const [first] = models;
  if (first === undefined) throw new NoModelError('the server has no model');
  return first.name;
}

/** Somebody who answers gRPC; otherwise why it is not asked. Where an address was given, silence is a failure. */
async function reach(url: string, given: string | undefined): Promise<Grpc | string> {
  const { hostname, port, protocol } = new URL(url);
  const isTls = protocol === 'https:';
  const target = given ?? `${hostname}:${port === '' ? (isTls ? '443' : '80') : port}`;
  const grpc = createGrpc(target, isTls);
  if (given !== undefined) return grpc;
  try {
    await grpc.call('ServerLive', {}, z.unknown());
    return grpc;
  } catch (error) {
    grpc.close();
    if (!(error instanceof Miss)) throw error;
    return `no gRPC at ${target}; --grpc HOST:PORT names another address`;
  }
}
