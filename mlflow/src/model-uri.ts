/** `models:/NAME@ALIAS` and `models:/NAME/VERSION`. Pure. */
import { MlflowError } from './errors.ts';

export type ModelUri =
  | { readonly name: string; readonly alias: string }
  | { readonly name: string; readonly version: string };

/**
 * Reads a model URI. `models:/NAME/latest` and stages are refused: they name no fixed version and MLflow retired them.
 *
 * @throws MlflowError MODEL_URI_INVALID
 */
export function parseModelUri(uri: string): ModelUri {
  const match = /^models:\/(?<name>[^/:]+)(?:@(?<alias>[\w-]{1,255})|\/(?<version>[1-9]\d{0,9}))$/.exec(uri);
  const { name, alias, version } = match?.groups ?? {};
  if (name !== undefined && alias !== undefined && !isReservedAlias(alias)) return { name, alias };
  if (name !== undefined && version !== undefined) return { name, version };
  throw new MlflowError(
    'MODEL_URI_INVALID',
    `"${uri}" is neither models:/NAME@ALIAS nor models:/NAME/VERSION`,
  );
}

function isReservedAlias(alias: string): boolean {
  return /^(?:latest|v\d+)$/i.test(alias);
}
