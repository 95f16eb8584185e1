/** Paths of artifacts, which come from a server or a caller and end in a file system or a URL. Pure. */
import { MlflowError } from './errors.ts';

/**
 * A relative path with `/` between its parts, as it is; refuses what would leave its folder here or on the server, and
 * what MLflow refuses or stores under another name (`#`, `%`).
 *
 * @param path '' is the folder itself
 * @throws MlflowError ARTIFACT_PATH_INVALID
 */
export function safeArtifactPath(path: string): string {
  const bad =
    path.length > 1000 ||
    // oxlint-disable-next-line no-control-regex -- control characters are what is refused
    /[\u0000-\u001f\u007f\\#%]|^[a-z][a-z0-9+.-]*:/i.test(path) ||
    (path !== '' && path.split('/').some((part) => part === '' || part === '.' || part === '..'));
  if (bad)
    throw new MlflowError(
      'ARTIFACT_PATH_INVALID',
      `not a safe artifact path: ${JSON.stringify(path.slice(0, 200))}`,
    );
  return path;
}

export function joinArtifactPath(...parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .map((part) => safeArtifactPath(part))
    .join('/');
}

/** @returns the path in a URL, each part encoded */
export function encodeArtifactPath(path: string): string {
  return safeArtifactPath(path)
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');
}

/**
 * The path behind MLflow's artifact proxy of a URI like `mlflow-artifacts:/1/<run>/artifacts` or
 * `mlflow-artifacts://host:port/1/…`. The host is dropped: we ask the server that we were given, and no other.
 *
 * @throws MlflowError ARTIFACT_STORE_UNSUPPORTED for another scheme
 */
export function proxiedPath(uri: string): string {
  const match = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(?<path>.*)$/.exec(uri);
  const path = match?.groups?.['path'];
  if (path === undefined) {
    const scheme = /^[a-z0-9+.-]+:/i.exec(uri)?.[0] ?? 'a path';
    const todo = 'run the server with --serve-artifacts and an --artifacts-destination';
    throw new MlflowError(
      'ARTIFACT_STORE_UNSUPPORTED',
      `artifacts are at ${scheme}, not behind MLflow; ${todo}`,
    );
  }
  return safeArtifactPath(path.replace(/\/+$/, ''));
}
