/** Who asks a registry: two variables, or what `docker login` and its kin left. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { StoreError } from '../errors.ts';

export interface OciCredentials {
  readonly username: string;
  readonly password: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const authSchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
});
const configSchema = z.object({
  auths: z.record(z.string(), authSchema).default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
});

/**
 * HILUM_OCI_USERNAME and HILUM_OCI_PASSWORD, else the registry's entry in REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json
 * or ~/.docker/config.json: the file that a Secret of type kubernetes.io/dockerconfigjson holds.
 *
 * @returns undefined for an anonymous request
 * @throws StoreError STORE_CREDENTIALS for a file that cannot be used; no message repeats what stands in it
 */
export async function ociCredentials(registry: string, env: Env): Promise<OciCredentials | undefined> {
  const { HILUM_OCI_USERNAME: username, HILUM_OCI_PASSWORD: password } = env;
  // Secrets that were made from a file often end in a line break.
  if (username && password) return { username: username.trim(), password: password.trim() };
  const named = env['REGISTRY_AUTH_FILE'] || env['DOCKER_CONFIG'];
  const file =
    env['REGISTRY_AUTH_FILE'] || join(env['DOCKER_CONFIG'] || join(homedir(), '.docker'), 'config.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    if (named) throw new StoreError('STORE_CREDENTIALS', `${file} cannot be read`);
    return undefined;
  }
  const config = configSchema.safeParse(jsonOf(text));
  if (!config.success) throw new StoreError('STORE_CREDENTIALS', `${file} is no docker config.json`);
  const { auths, credHelpers } = config.data;
  const entry = Object.entries(auths).find(([host]) => hostOf(host) === registry)?.[1];
  if (entry === undefined) {
    if (!(registry in credHelpers)) return undefined;
    throw new StoreError(
      'STORE_CREDENTIALS',
      `${file} leaves ${registry} to a program (credHelpers), which is not called; set HILUM_OCI_USERNAME and HILUM_OCI_PASSWORD`,
    );
  }
  const [user = '', ...secret] = Buffer.from(entry.auth ?? '', 'base64')
    .toString()
    .split(':');
  const found = { username: entry.username ?? user, password: entry.password ?? secret.join(':') };
  if (found.username !== '' && found.password !== '') return found;
  throw new StoreError('STORE_CREDENTIALS', `${file} has no user and password for ${registry}`);
}

/** Entries may be addresses with a path (`https://host/v1/`), or name a part of a registry (`host/team`). */
function hostOf(entry: string): string {
  return entry.replace(/^https?:\/\//, '').split('/')[0] ?? '';
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
