/** The report of the suite, for people. */
import { CONTRADICTIONS } from './clauses.ts';
import type { ConformanceReport } from './suite.ts';

const MARKS = { pass: 'pass', fail: 'FAIL', skip: 'skip' } as const;

export function conformanceText({
  url,
  model,
  findings,
  passed,
  failed,
  skipped,
}: ConformanceReport): string {
  const width = Math.max(...findings.map(({ id }) => id.length));
  const rows = findings.flatMap(({ id, says, clause, result, why }) => [
    `${MARKS[result]}  ${id.padEnd(width)}  ${says}`,
    ...(result === 'pass'
      ? []
      : [`${' '.repeat(width + 8)}${result === 'fail' ? `${why} (${clause})` : why}`]),
  ]);
  const contradictions = CONTRADICTIONS.flatMap(({ about, says, suite }) => [
    `- ${about}`,
    `    ${says[0]}`,
    `    ${says[1]}`,
    `    The suite ${suite}.`,
  ]);
  return [
    `Open Inference Protocol 2: ${url}, model ${model}`,
    '',
    ...rows,
    '',
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
    '',
    'Where the published texts contradict each other:',
    ...contradictions,
    '',
  ].join('\n');
}
