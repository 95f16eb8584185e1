/** The process: environment in, exit code out. */
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { readConfig, type OperatorConfig } from './config.ts';
import { createClock } from './kube/index.ts';
import { runOperator } from './operator.ts';

/** sysexits.h: the configuration is wrong; a restart does not help. */
const EXIT_CONFIG = 78;

const config = configOrExit();
const log = pino({ level: config.logLevel, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    stop.abort();
  });
}

try {
  const clock = createClock(() => Date.now());
  const result = await runOperator({
    config,
    kubeConfig,
    clock,
    random: Math.random,
    log,
    stop: stop.signal,
  });
  log.info({ result }, 'ended');
  // Another may lead already: nothing of this process may go on.
  process.exit(result === 'stopped' ? 0 : 1);
} catch (err) {
  log.error({ err }, 'the operator failed');
  process.exit(1);
}

function configOrExit(): OperatorConfig {
  try {
    return readConfig(process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return process.exit(EXIT_CONFIG);
  }
}
