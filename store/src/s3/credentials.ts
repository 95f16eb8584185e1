/** Who asks S3: given keys, the variables of AWS, or its shared credentials file. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '../errors.ts';
import { parseIni } from '../ini.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface CredentialSources {
  /** Default: the AWS variables, then a profile of the shared credentials file. `anonymous` signs nothing. */
  readonly credentials?: S3Credentials | 'anonymous';
  /** Profile of the shared credentials file; default AWS_PROFILE, then `default`. */
  readonly profile?: string;
  /** Default AWS_SHARED_CREDENTIALS_FILE, then ~/.aws/credentials. */
  readonly credentialsFile?: string;
}

/**
 * @returns undefined for anonymous access
 * @throws StoreError STORE_CREDENTIALS where there are none; no message repeats a key
 */
export async function s3Credentials(
  options: CredentialSources,
  env: Readonly<Record<string, string | undefined>>,
): Promise<S3Credentials | undefined> {
  if (options.credentials === 'anonymous') return undefined;
  if (options.credentials !== undefined) return options.credentials;
  const byEnv = keys(env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY'], env['AWS_SESSION_TOKEN']);
  // A profile that was asked for by name wins over the variables, as in the AWS tools.
  if (byEnv !== undefined && options.profile === undefined) return byEnv;
  const file =
    options.credentialsFile ?? (env['AWS_SHARED_CREDENTIALS_FILE'] || join(homedir(), '.aws', 'credentials'));
  const profile = options.profile ?? (env['AWS_PROFILE'] || 'default');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const section = text === undefined ? undefined : parseIni(text, file).get(profile);
  const byFile = keys(
    section?.get('aws_access_key_id'),
    section?.get('aws_secret_access_key'),
    section?.get('aws_session_token'),
  );
  if (byFile !== undefined) return byFile;
  throw new StoreError(
    'STORE_CREDENTIALS',
    `there are no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give ${file} a profile ${profile}, or allow anonymous access`,
  );
}

function keys(id: string | undefined, secret: string | undefined, token: string | undefined) {
  if (!id || !secret) return undefined;
  // Secrets that were made from a file often end in a line break.
  const credentials = { accessKeyId: id.trim(), secretAccessKey: secret.trim() };
  return token ? { ...credentials, sessionToken: token.trim() } : credentials;
}
