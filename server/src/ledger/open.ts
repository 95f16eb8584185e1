/** The server's own ledger, whose events are in its log: the end of the chain is kept elsewhere as well. */
import type { Logger } from 'pino';
import type { LedgerConfig } from './config.ts';
import type { Ledger } from './ledger.ts';
import { type LedgerEvent, openLedger } from './writer.ts';

/** @throws LedgerError */
export async function openServerLedger(config: LedgerConfig, logger: Logger): Promise<Ledger> {
  return openLedger({ ...config, now: Date.now, onEvent: (event) => logEvent(logger, event) });
}

function logEvent(logger: Logger, { type, seq, hash, error }: LedgerEvent): void {
  const facts = { ledger: type, seq, hash };
  if (error === undefined) logger.info(facts, `ledger ${type}`);
  else
    logger.error({ ...facts, error: error instanceof Error ? error.message : 'unknown' }, `ledger ${type}`);
}
