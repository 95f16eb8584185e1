/** `.dvc/config` and `.dvc/config.local` → the address of a remote and how to open it. Pure. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseIni } from '@hilum/store';
import { TrainerError } from '../errors.ts';
import { translated } from './store-error.ts';
import type { RemoteOptions } from './open-remote.ts';
import type { RemoteAuth } from './remote.ts';
import type { S3Options } from './s3-store.ts';

export interface ConfiguredRemote extends Pick<RemoteOptions, 'auth' | 's3' | 'uploadMethod'> {
  /** `file:///…`, `http(s)://…` or `s3://…`. */
  readonly remote: string;
}

interface ConfigFiles {
  /** Absolute path of the `.dvc` folder: relative addresses start there. */
  readonly dir: string;
  readonly config?: string | undefined;
  /** Wins key by key; git ignores it, so that passwords go here. */
  readonly local?: string | undefined;
}

type Section = ReadonlyMap<string, string>;

/** Remotes that name another as `remote://name/path` do so once or twice. */
const MAX_DEPTH = 5;

/**
 * @param name of the remote; default `core.remote`
 * @throws TrainerError DATASET_POINTER_INVALID, REMOTE_UNSUPPORTED; no message repeats a value that may be a password
 */
export function configuredRemote(files: ConfigFiles, name?: string): ConfiguredRemote {
  const sections = merged(files);
  const wanted = name ?? sections.get('core')?.get('remote');
  if (wanted === undefined) {
    throw new TrainerError(
      'DATASET_POINTER_INVALID',
      '.dvc/config has no default remote: name one, or run dvc remote default NAME',
    );
  }
  const { url, section } = resolved(sections, wanted, MAX_DEPTH);
  refuse(section, wanted);
  if (!/^[\w+.-]+:\/\//.test(url)) return { remote: pathToFileURL(localPath(url, files.dir)).href };
  if (url.startsWith('s3://')) return { remote: url, s3: s3Of(section, files.dir) };
  if (!/^https?:\/\//.test(url)) return { remote: url };
  const auth = authOf(section, wanted);
  return {
    remote: url,
    // DVC sends POST where it is told nothing else.
    uploadMethod: section.get('method')?.toUpperCase() === 'PUT' ? 'PUT' : 'POST',
    ...(auth === undefined ? {} : { auth }),
  };
}

function merged({ config, local }: ConfigFiles): ReadonlyMap<string, Section> {
  const sections = new Map<string, Map<string, string>>();
  for (const [text, file] of [
    [config, '.dvc/config'],
    [local, '.dvc/config.local'],
  ] as const) {
    if (text === undefined) continue;
    for (const [name, pairs] of translated(() => parseIni(text, file))) {
      sections.set(name, new Map([...(sections.get(name) ?? []), ...pairs]));
    }
  }
  return sections;
}

/** Follows `remote://other/path`, whose own settings then apply below those of this one. */
function resolved(
  sections: ReadonlyMap<string, Section>,
  name: string,
  depth: number,
): { readonly url: string; readonly section: Section } {
  const section = sections.get(`remote "${name}"`);
  const url = section?.get('url');
  if (section === undefined || url === undefined || depth === 0) {
    throw new TrainerError('DATASET_POINTER_INVALID', `.dvc/config has no remote ${name} with a url`);
  }
  const [, other, path = ''] = /^remote:\/\/([^/]+)(\/.*)?$/.exec(url) ?? [];
  if (other === undefined) return { url, section };
  const base = resolved(sections, other, depth - 1);
  return { url: base.url.replace(/\/+$/, '') + path, section: new Map([...base.section, ...section]) };
}

/** Settings that would change what is fetched or who may see it, and that we do not follow. */
function refuse(section: Section, name: string): void {
  for (const key of ['version_aware', 'worktree', 'ask_password', 'use_ssl', 'ssl_verify']) {
    const value = section.get(key)?.toLowerCase();
    const harmless = key === 'use_ssl' || key === 'ssl_verify' ? 'true' : 'false';
    if (value === undefined || value === harmless) continue;
    throw new TrainerError(
      'REMOTE_UNSUPPORTED',
      `remote ${name}: ${key} = ${value} is not supported${ADVICE[key] ?? ''}`,
    );
  }
  for (const key of section.keys()) {
    if (!/^(sse|acl$|grant_)/.test(key)) continue;
    throw new TrainerError('REMOTE_UNSUPPORTED', `remote ${name}: ${key} is not supported`);
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ssl_verify: '; name a certificate of your own in NODE_EXTRA_CA_CERTS',
  ask_password: '; put the password into .dvc/config.local',
};

function localPath(url: string, dir: string): string {
  const path = url.startsWith('~/') ? join(homedir(), url.slice(2)) : url;
  return isAbsolute(path) ? path : resolve(dir, path);
}

function s3Of(section: Section, dir: string): S3Options {
  const of = (key: string): string | undefined => section.get(key) || undefined;
  const file = of('credentialpath');
  const options = {
    endpointUrl: of('endpointurl'),
    region: of('region'),
    profile: of('profile'),
    credentialsFile: file === undefined ? undefined : localPath(file, dir),
    credentials: credentialsOf(of),
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function credentialsOf(of: (key: string) => string | undefined): S3Options['credentials'] {
  if (of('allow_anonymous_login')?.toLowerCase() === 'true') return 'anonymous';
  const [accessKeyId, secretAccessKey] = [of('access_key_id'), of('secret_access_key')];
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const sessionToken = of('session_token');
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function authOf(section: Section, name: string): RemoteAuth | undefined {
  const kind = section.get('auth')?.toLowerCase();
  if (kind === undefined) return undefined;
  const password = section.get('password');
  const who = section.get(kind === 'custom' ? 'custom_auth_header' : 'user');
  if (kind !== 'basic' && kind !== 'custom') {
    throw new TrainerError('REMOTE_UNSUPPORTED', `remote ${name}: auth = ${kind} is not supported`);
  }
  if (password === undefined || who === undefined) {
    throw new TrainerError(
      'DATASET_POINTER_INVALID',
      `remote ${name}: auth = ${kind} needs ${kind === 'custom' ? 'custom_auth_header' : 'user'} and password; put them into .dvc/config.local`,
    );
  }
  return kind === 'custom' ? { header: who, value: password } : { username: who, password };
}
