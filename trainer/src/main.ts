/**
 * The process in the training pod: HILUM_TRAINER_CONFIG in; JSON lines, a report and an exit code out.
 * 0 registered, 64 configuration, 65 data, 69 something it needs did not answer, 70 bug, 143 told to end.
 */
import { writeSync } from 'node:fs';
import { readPodConfig } from './config.ts';
import { runInPod } from './pod.ts';
import { EXIT_TERMINATED, failureReport, INTERRUPTED, leaveReport, successReport } from './report.ts';

/** After this long a process that was told to end ends, whatever it still does: the kubelet kills it at 30 s. */
const LAST_WORDS_MS = 10_000;

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    stop.abort(new Error(`${name} received`));
    setTimeout(() => process.exit(EXIT_TERMINATED), LAST_WORDS_MS).unref();
  });
}

process.exit(await main());

async function main(): Promise<number> {
  // Known before the configuration is: a configuration that cannot be read is reported too.
  const terminationLog = process.env['HILUM_TERMINATION_LOG'] ?? '/dev/termination-log';
  try {
    const config = readPodConfig(process.env);
    const result = await runInPod({ config, signal: stop.signal, now: Date.now, log });
    const report = successReport(result);
    await leaveReport(terminationLog, report);
    log('done', report);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) {
      await leaveReport(terminationLog, INTERRUPTED);
      log('interrupted');
      return EXIT_TERMINATED;
    }
    const { report, exitCode } = failureReport(error);
    await leaveReport(terminationLog, report);
    log('failed', {
      ...report,
      ...(exitCode === 70 && error instanceof Error ? { stack: error.stack } : {}),
    });
    return exitCode;
  }
}

/** Written at once: a pipe that is still full when the process exits would lose the last line. */
function log(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  writeSync(1, `${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
}
