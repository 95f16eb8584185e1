import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mlflowVenv, run } from '@hilum/hack';

/** A tensor on its way to or from Python. */
export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Runs a script of this folder in the MLflow environment, with an input tensor.
 *
 * The script reads `sys.argv[1]` (`input.f32`, whose shape is in `sys.argv[2]`), writes results named in `outputs` as
 * `<folder of the input>/<name>.f32`, and prints what else it has to say.
 */
export async function python(
  script: string,
  input: Values,
  outputs: readonly string[],
  args: readonly string[] = [],
): Promise<{ readonly results: readonly Float32Array[]; readonly text: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'hilum-python-'));
  try {
    const file = join(dir, 'input.f32');
    await writeFile(file, input.values);
    const { python: interpreter } = await mlflowVenv();
    const { stdout } = await run(interpreter, [
      join(import.meta.dirname, script),
      file,
      input.shape.join(','),
      ...args,
    ]);
    const results = await Promise.all(outputs.map((name) => readFloats(join(dir, `${name}.f32`))));
    return { results, text: stdout };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function readFloats(path: string): Promise<Float32Array> {
  return new Float32Array(Uint8Array.from(await readFile(path)).buffer);
}
