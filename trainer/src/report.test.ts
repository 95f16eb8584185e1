import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reasonOf, trainerReportSchema } from '@hilum/crds';
import { EngineError, WeightsError } from '@hilum/model';
import { describe, expect, it } from 'vitest';
import { TRAINER_CODES, TrainerError, type TrainerCode } from './errors.ts';
import { failureReport, INTERRUPTED, leaveReport } from './report.ts';

const codes = Object.keys(TRAINER_CODES) as TrainerCode[];

describe('failureReport', () => {
  it.each(codes)('%s is a report that the operator understands, with the exit code of the table', (code) => {
    const { report, exitCode } = failureReport(new TrainerError(code));
    expect(exitCode).toBe(TRAINER_CODES[code].exit);
    expect(trainerReportSchema.parse(report)).toMatchObject({ code, retryable: exitCode === 69 });
    // A condition's reason of its own: the person on call reads that before anything else.
    expect(reasonOf(code)).not.toBe('TrainerFailed');
  });

  it.each([
    ['a missing engine', new EngineError('ENGINE_MISSING', 'x'), 'ENGINE_MISSING', 64],
    ['other weights', new WeightsError('WEIGHTS_DIGEST_MISMATCH', 'x'), 'WEIGHTS_DIGEST_MISMATCH', 64],
    ['a bug', new TypeError('x is undefined'), 'INTERNAL', 70],
    ['whatever was thrown', 'a string', 'INTERNAL', 70],
  ])('names %s', (_, error, code, exitCode) => {
    expect(failureReport(error)).toMatchObject({ exitCode, report: { outcome: 'failed', code } });
  });
});

describe('leaveReport', () => {
  it('stays within the 4096 bytes that Kubernetes keeps, whatever the message', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hilum-report-'));
    const path = join(dir, 'termination-log');
    await leaveReport(path, failureReport(new Error('\u0001'.repeat(10_000))).report);
    const bytes = await readFile(path);
    expect(bytes.length).toBeLessThanOrEqual(4096);
    expect(JSON.parse(bytes.toString())).toMatchObject({ code: 'INTERNAL' });
    await rm(dir, { recursive: true });
  });

  it('does not fail where there is no pod around', async () => {
    await expect(leaveReport('/no/such/folder/termination-log', INTERRUPTED)).resolves.toBeUndefined();
    expect(reasonOf(INTERRUPTED.outcome === 'failed' ? INTERRUPTED.code : '')).toBe('Interrupted');
  });
});
