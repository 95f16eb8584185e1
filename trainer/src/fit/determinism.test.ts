/** What the same seed promises, across processes, and where it ends. Other seeds, batch sizes and orders: fit.test.ts. */
import { join } from 'node:path';
import { run } from '@hilum/hack';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

const answerSchema = z.object({ weights: z.string(), losses: z.array(z.number()) });
type Answer = z.infer<typeof answerSchema>;

describe.each(['head', 'convolution'] as const)('a %s that is trained', (kind) => {
  let first: Answer;
  beforeAll(async () => {
    first = await trained(kind, {});
  });

  it('has the same weights and losses in another process, bit for bit', async () => {
    expect(await trained(kind, {})).toEqual(first);
  });

  it.skipIf(process.arch !== 'x64').each([
    ['without the kernels of oneDNN', { TF_ENABLE_ONEDNN_OPTS: '0' }],
    ['with those for an older processor', { ONEDNN_MAX_CPU_ISA: 'SSE41' }],
  ] as const)('has other last digits %s, and so on another kind of processor (x64 only)', async (_, env) => {
    const other = await trained(kind, env);
    expect(other.weights).not.toBe(first.weights);
    for (const [at, loss] of other.losses.entries()) {
      expect(Math.abs(loss - (first.losses[at] ?? Number.NaN))).toBeLessThan(1e-3);
    }
  });
});

async function trained(kind: string, env: Readonly<Record<string, string>>): Promise<Answer> {
  const script = join(import.meta.dirname, '../../test/wide-child.ts');
  const { stdout } = await run(process.execPath, ['--no-warnings', script, kind], { env, timeoutMs: 60_000 });
  return answerSchema.parse(JSON.parse(stdout));
}
