/** `.dvc` files and `dvc.lock`: what DVC tracks, under which md5. Pure. */
import { posix } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { TrainerError } from '../errors.ts';
import type { Layout } from './md5.ts';

/** One tracked file or folder. */
export interface Output {
  /** Relative to the root of the repository, with forward slashes. */
  readonly path: string;
  /** `<32 hex>.dir` or 32 hex digits; undefined where it was never hashed, or by another method. */
  readonly md5: string | undefined;
  readonly layout: Layout;
  /** Name of the one remote that holds it, where it is not the default one. */
  readonly remote?: string;
  readonly executable: boolean;
  /** Why no remote of this repository has it. */
  readonly elsewhere?: string;
}

const outSchema = z.object({
  path: z.string().min(1),
  md5: z
    .string()
    .regex(/^[0-9a-f]{32}(\.dir)?$/)
    .optional(),
  hash: z.string().optional(),
  isexec: z.boolean().default(false),
  cache: z.boolean().default(true),
  push: z.boolean().default(true),
  remote: z.string().optional(),
  cloud: z.unknown().optional(),
  files: z.unknown().optional(),
});
const pointerSchema = z.object({
  wdir: z.string().default('.'),
  deps: z.array(z.object({ repo: z.unknown().optional() })).default([]),
  outs: z.array(outSchema).min(1),
});
const lockSchema = z.object({
  schema: z.literal('2.0', 'only dvc.lock of schema 2.0 is read: run dvc commit with DVC 2 or newer'),
  stages: z.record(z.string(), z.object({ outs: z.array(outSchema).default([]) })).default({}),
});
const pipelineSchema = z.object({
  stages: z
    .record(
      z.string(),
      z.object({
        wdir: z.string().optional(),
        // The stage that foreach repeats.
        do: z.object({ wdir: z.string().optional() }).optional(),
      }),
    )
    .default({}),
});

/**
 * @param file path of the `.dvc` file from the root of the repository
 * @throws TrainerError DATASET_POINTER_INVALID
 */
export function parsePointer(text: string, file: string): readonly Output[] {
  const { wdir, deps, outs } = read(pointerSchema, text, file);
  // An import's data is in the remote of the repository it came from.
  const imported = deps.some((dep) => dep.repo !== undefined)
    ? 'it is imported from another repository'
    : undefined;
  return outs.map((out) => outputOf(out, posix.join(posix.dirname(file), wdir), file, imported));
}

/**
 * @param file path of `dvc.lock` from the root of the repository
 * @param pipeline text of the `dvc.yaml` beside it, which alone knows the folders that stages work in
 * @throws TrainerError DATASET_POINTER_INVALID
 */
export function parseLock(text: string, file: string, pipeline?: string): readonly Output[] {
  const { stages } = read(lockSchema, text, file);
  const folders = pipeline === undefined ? {} : read(pipelineSchema, pipeline, `dvc.yaml of ${file}`).stages;
  return Object.entries(stages).flatMap(([name, { outs }]) => {
    // `name@item` is one of a foreach or matrix.
    const stage = folders[name] ?? folders[name.replace(/@.*$/, '')];
    const folder = posix.join(posix.dirname(file), stage?.wdir ?? stage?.do?.wdir ?? '.');
    return outs.map((out) => outputOf(out, folder, file));
  });
}

/** The `.dvc` file of a folder that was pushed, as `dvc add` writes it. */
export function formatPointer({
  name,
  md5,
  files,
  bytes,
}: {
  /** Of the folder, beside the file. */
  readonly name: string;
  readonly md5: string;
  readonly files: number;
  readonly bytes: number;
}): string {
  return stringify(
    { outs: [{ md5, size: bytes, nfiles: files, hash: 'md5', path: name }] },
    { lineWidth: 0 },
  );
}

function outputOf(out: z.infer<typeof outSchema>, folder: string, file: string, imported?: string): Output {
  const path = posix.join(folder, out.path).replace(/\/+$/, '');
  if (posix.isAbsolute(out.path) || /^(\.\.(\/|$)|\w+:\/\/)/.test(path)) {
    throw new TrainerError(
      'DATASET_POINTER_INVALID',
      `${file} tracks ${out.path}, outside of the repository`,
    );
  }
  const elsewhere = imported ?? elsewhereOf(out);
  return {
    path,
    md5: out.md5,
    // DVC 3 writes `hash: md5`; what DVC 2 wrote has none, and its objects lie where DVC 2 puts them.
    layout: out.hash === undefined ? 'legacy' : 'files',
    executable: out.isexec,
    ...(out.remote === undefined ? {} : { remote: out.remote }),
    ...(elsewhere === undefined ? {} : { elsewhere }),
  };
}

function elsewhereOf({ cloud, files, cache, push, hash }: z.infer<typeof outSchema>): string | undefined {
  if (cloud !== undefined || files !== undefined) return 'it is versioned by the cloud and not by md5';
  if (!cache) return 'it has cache: false, so that it is in no remote';
  if (!push) return 'it has push: false, so that it is in no remote';
  if (hash !== undefined && hash !== 'md5') return `it is hashed by ${hash} and not by md5`;
  return undefined;
}

function read<Schema extends z.ZodType>(schema: Schema, text: string, file: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new TrainerError('DATASET_POINTER_INVALID', `${file} is not YAML`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new TrainerError('DATASET_POINTER_INVALID', `${file}: ${lines.join('; ')}`, { cause: parsed.error });
}
