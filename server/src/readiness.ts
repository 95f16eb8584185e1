/** Where the model is on its way to the first answer, and what ends that way. */
import type { PackageInfo } from '@hilum/model';
import type { EngineFacts } from './engine/facts.ts';

/** Why `/v2/health/ready` says no: code → what it means and who can act. */
export const READINESS_CODES = {
  RESOLVING: 'The registry is being asked which version the address means.',
  TRACKING_UNREACHABLE: 'The MLflow server does not answer. It is asked again, with growing pauses.',
  TRACKING_REFUSED: 'The MLflow server answers, and refuses. Look at its credentials and its allowed hosts.',
  SOURCE_UNREACHABLE:
    'The bucket or registry does not answer, or broke off. It is asked again, with growing pauses, and what is here is kept.',
  SOURCE_REFUSED:
    'The bucket or registry refuses, or there are no credentials for it. Look at AWS_… or the docker config.json.',
  MODEL_NOT_FOUND:
    'There is no such model, version, alias, run, tag or package yet. It is asked again, with growing pauses.',
  DOWNLOADING: 'The model package is on its way; `progress` has the bytes.',
  VERIFYING: 'The sha256 of every file of the package is compared with its manifest.',
  WARMING_UP: 'The engine loads the weights and answers the golden images of the package.',
  READY: 'Images are answered.',
  ENGINE_STUCK:
    'The inference engine did not answer in time or lost its thread, and is started again; once more, and the server ends with exit code 70.',
  SHUTTING_DOWN: 'The server was told to end: it finishes what it has; send no more here.',
  DIGEST_MISMATCH:
    'The package is not the one that was asked for, or was altered. The server ends with exit code 65.',
  PACKAGE_INCOMPLETE: 'A file of the package is missing. The server ends with exit code 65.',
  CONTRACT_UNSUPPORTED:
    'The package asks for a preprocessing that this version cannot do exactly. The server ends with exit code 65.',
  PACKAGE_INVALID: 'The package cannot be read. The server ends with exit code 65.',
  WARM_UP_MISMATCH:
    'The engine does not reproduce the answers that the package carries for its golden images. The server ends with exit code 65.',
  CACHE_FAILED:
    'The folder for downloaded models cannot be written or read. The server ends with exit code 69.',
  ENGINE_MISSING:
    'The library of the inference engine is not installed, or not for this machine. The server ends with exit code 69.',
  ENGINE_FAILED: 'The inference engine could not load the model, or died. The server ends with exit code 70.',
} as const;

export type ReadinessCode = keyof typeof READINESS_CODES;

/** How a server that gave up ends; after sysexits(3): 65 bad data, 69 something is not there, 70 a bug. */
export const EXIT_CODES: Partial<Record<ReadinessCode, number>> = {
  DIGEST_MISMATCH: 65,
  PACKAGE_INCOMPLETE: 65,
  CONTRACT_UNSUPPORTED: 65,
  PACKAGE_INVALID: 65,
  WARM_UP_MISMATCH: 65,
  CACHE_FAILED: 69,
  ENGINE_MISSING: 69,
  ENGINE_FAILED: 70,
};

/** A code of another room that ends the server, or `otherwise`. */
export function finalCode(code: string, otherwise: ReadinessCode): ReadinessCode {
  return code in EXIT_CODES ? (code as ReadinessCode) : otherwise;
}

/** The model that answers. */
export interface ServedModel extends AcquiredModel {
  readonly engine: EngineFacts;
}

/** A verified package on this machine's disk. */
export interface AcquiredModel {
  /** The registered name, or the name of the package's folder. */
  readonly name: string;
  /** The registered version; null for a folder. */
  readonly version: string | null;
  readonly info: PackageInfo;
  /** Digest of the preprocessing contract. */
  readonly contract: string;
}

export interface ModelState {
  readonly code: ReadinessCode;
  /** What is going on, with the names and numbers of this moment. */
  readonly message: string;
  readonly progress?: { readonly bytes: number; readonly totalBytes: number };
  /** Present when images are answered: READY, and SHUTTING_DOWN after it. */
  readonly model?: ServedModel;
}

/** The server cannot serve this model, and waiting would not help. */
export class GaveUp extends Error {
  readonly code: ReadinessCode;
  readonly exitCode: number;

  constructor(code: ReadinessCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'GaveUp';
    this.code = code;
    this.exitCode = EXIT_CODES[code] ?? 70;
  }
}
