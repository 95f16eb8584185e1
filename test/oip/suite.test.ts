import { expect, it, onTestFinished } from 'vitest';
import { CONTRADICTIONS } from './clauses.ts';
import { runConformance } from './suite.ts';
import { conformanceText } from './text.ts';
import { type Mistake, startWrongServer } from './wrong-server.ts';

async function failures(...mistakes: readonly Mistake[]) {
  const server = await startWrongServer(...mistakes);
  onTestFinished(() => server.close());
  const report = await runConformance({ url: server.url });
  return { report, failed: report.findings.filter(({ result }) => result === 'fail').map(({ id }) => id) };
}

it('finds nothing in a server that makes no mistake, and skips gRPC where there is none', async () => {
  const { report, failed } = await failures();
  expect(failed).toEqual([]);
  const skipped = report.findings.filter(({ result }) => result === 'skip');
  expect(skipped.length).toBeGreaterThan(10);
  for (const { id, why } of skipped) {
    expect(id).toMatch(/^grpc-/);
    expect(why).toMatch(/^no gRPC at 127\.0\.0\.1:\d+; --grpc HOST:PORT names another address$/);
  }
});

it.each<[Mistake, string[]]>([
  ['is not ready', ['rest-ready']],
  ['forgets the id', ['rest-infer-id']],
  ['writes null for nothing', ['rest-model-metadata', 'rest-infer-fields']],
  ['sends every output', ['rest-infer-outputs']],
  ['counts a batch as one', ['rest-infer-batch']],
  ['takes any datatype', ['rest-refuses-datatype']],
  ['reads the first value only', ['binary-in', 'binary-out', 'binary-all']],
  ['answers bytes in JSON', ['binary-out', 'binary-out-of-json', 'binary-all']],
  [
    'takes any model',
    ['rest-model-ready-unknown', 'rest-model-metadata-unknown', 'rest-case-sensitive', 'rest-refuses-model'],
  ],
])('finds what a server does wrong that %s, and nothing else', async (mistake, want) => {
  expect((await failures(mistake)).failed.toSorted()).toEqual(want.toSorted());
});

it.each<Mistake>(['errors are 200', 'error is a number'])(
  'finds each refusal of a server whose %s',
  async (mistake) => {
    const { failed, report } = await failures(mistake);
    const refusals = report.findings
      .map(({ id }) => id)
      .filter((id) => /refuses|unknown$|case|short|size|length/.test(id) && !id.startsWith('grpc'))
      .filter((id) => mistake === 'errors are 200' || id !== 'rest-model-ready-unknown');
    expect(failed.toSorted()).toEqual(refusals.toSorted());
  },
);

it('cannot ask a server whose metadata are none, and says so at each check that needs them', async () => {
  const { failed, report } = await failures('shapes are text');
  expect(failed).toContain('rest-model-metadata');
  expect(failed).toContain('rest-infer');
  expect(report.findings.find(({ id }) => id === 'rest-infer')?.why).toMatch(/^inputs\.0\.shape\.0: /);
});

it('tells people what failed, by which clause, and where the texts contradict each other', async () => {
  const { report } = await failures('forgets the id');
  const text = conformanceText(report);
  expect(text).toMatch(/^FAIL {2}rest-infer-id +the id of the request comes back$/m);
  expect(text).toMatch(/id is undefined \(required_api\.md "Inference Request JSON Object"\)/);
  for (const { about } of CONTRADICTIONS) expect(text).toContain(`- ${about}\n`);
});

it('fails gRPC that was named and is not there', async () => {
  const server = await startWrongServer();
  onTestFinished(() => server.close());
  const report = await runConformance({ url: server.url, grpc: new URL(server.url).host });
  const grpc = report.findings.filter(({ id }) => id.startsWith('grpc-'));
  expect(grpc.filter(({ result }) => result === 'pass')).toEqual([]);
});
