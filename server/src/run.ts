/** The server in the pod: HILUM_* in, exit codes out (0 told to end, 64 settings, 65 model, 69 not there, 70 bug). */
import { existsSync, writeFileSync } from 'node:fs';
import { ConfigError, readConfig } from './config.ts';
import { hasStuckThread } from './engine/lane.ts';
import { LedgerError } from './ledger/error.ts';
import { ListenError, start } from './start.ts';

const told = new Promise<undefined>((resolve) => {
  process.once('SIGTERM', () => resolve(undefined));
  process.once('SIGINT', () => resolve(undefined));
});

/** Serves until it is told to end, or cannot go on; returns the exit code. */
export async function run(): Promise<number> {
  try {
    const server = await start(readConfig(process.env));
    const end = await Promise.race([told, server.gaveUp]);
    if (end !== undefined) leaveMessage(end.code, end.message);
    await server.close();
    // The end of the process would wait for a thread that hangs in native code; only an abort does not.
    if (hasStuckThread()) process.abort();
    return end?.exitCode ?? 0;
  } catch (error) {
    const { code, exitCode } = describe(error);
    const message = error instanceof Error ? error.message : String(error);
    leaveMessage(code, message);
    process.stderr.write(`hilum-server: ${code}: ${message}\n`);
    return exitCode;
  }
}

function describe(error: unknown): { readonly code: string; readonly exitCode: number } {
  if (error instanceof ConfigError) return { code: error.code, exitCode: 64 };
  if (error instanceof ListenError || error instanceof LedgerError) return error;
  return { code: 'INTERNAL', exitCode: 70 };
}

/** Kubernetes shows this file as the container's last words; at most 4096 bytes of it. */
function leaveMessage(code: string, message: string): void {
  const path = process.env['HILUM_TERMINATION_LOG'] ?? '/dev/termination-log';
  if (existsSync(path)) writeFileSync(path, JSON.stringify({ code, message: message.slice(0, 1_000) }));
}
