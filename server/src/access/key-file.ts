/** The keys of a file, and of whatever it is replaced by. */
import { readFileSync } from 'node:fs';
import type { FastifyBaseLogger } from 'fastify';
import { ConfigError } from '../config-error.ts';
import { followFiles } from './follow-file.ts';
import { KeysError, type KeyRing, parseKeys } from './key.ts';

export interface KeyFile {
  /** As of the last time that the file could be read. */
  readonly ring: () => KeyRing;
  readonly close: () => void;
}

/** @throws ConfigError where the file cannot be read now; later the keys before it stay, and the log says why */
export function openKeyFile(path: string, logger: FastifyBaseLogger, everyMs?: number): KeyFile {
  let ring = read(path);
  const close = followFiles(
    [path],
    () => {
      try {
        ring = read(path);
        logger.info({ keys: ring.size }, 'API keys read again');
      } catch (error) {
        const why = error instanceof ConfigError ? error.message : 'it cannot be read';
        logger.error({ why, keys: ring.size }, 'API keys could not be read again; those before stay valid');
      }
    },
    everyMs,
  );
  return { ring: () => ring, close };
}

function read(path: string): KeyRing {
  try {
    return parseKeys(readFileSync(path, 'utf8'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not readable';
    throw new ConfigError(`HILUM_API_KEYS_FILE: ${error instanceof KeysError ? error.message : code}`);
  }
}
