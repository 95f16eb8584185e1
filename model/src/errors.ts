/** Why the native engine could not be used. */
export type EngineCode = 'ENGINE_MISSING' | 'ENGINE_UNKNOWN';

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineCode;

  constructor(code: EngineCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why base weights were refused. */
export type WeightsCode = 'WEIGHTS_MISSING' | 'WEIGHTS_DIGEST_MISMATCH' | 'WEIGHTS_FORMAT';

export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  readonly code: WeightsCode;

  constructor(code: WeightsCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why a model package was refused, when written or when opened. */
export type PackageCode =
  | 'PACKAGE_INCOMPLETE'
  | 'PACKAGE_INVALID'
  | 'DIGEST_MISMATCH'
  | 'CONTRACT_UNSUPPORTED'
  | 'LAYER_UNSUPPORTED'
  | 'NOT_EXPLAINABLE';

export class PackageError extends Error {
  override readonly name = 'PackageError';
  readonly code: PackageCode;

  constructor(code: PackageCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
