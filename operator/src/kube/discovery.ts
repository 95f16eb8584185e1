/** Kind → collection, from the API server's own description of its groups. */
import { decodeApiResources, type ApiResource } from './decode.ts';
import { ApiError } from './errors.ts';

export interface KnownResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/**
 * Asks once per group and version. A kind that is not there is asked for again the next time (its definition may have
 * been installed since), so is a failed call.
 */
export function createDiscovery(
  get: (path: string) => Promise<unknown>,
): (apiVersion: string, kind: string) => Promise<KnownResource> {
  const known = new Map<string, Promise<readonly ApiResource[]>>();

  return async (apiVersion, kind) => {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
    let answer = known.get(apiVersion);
    if (answer === undefined) {
      answer = get(group === '' ? `/api/${version}` : `/apis/${apiVersion}`).then(decodeApiResources);
      known.set(apiVersion, answer);
    }
    try {
      const found = (await answer).find((entry) => entry.kind === kind);
      if (found !== undefined) {
        return {
          group: group ?? '',
          version: version ?? '',
          plural: found.plural,
          namespaced: found.namespaced,
        };
      }
    } catch (error) {
      known.delete(apiVersion);
      throw error;
    }
    known.delete(apiVersion);
    const message = `the API server has no kind ${kind} in ${apiVersion}`;
    throw new ApiError({ status: 404, reason: 'NoKind', message });
  };
}
