/** The kinds of DVC remote that we speak: a folder, a web server that takes GET, HEAD and PUT, and S3. */
import { fileURLToPath } from 'node:url';
import { TrainerError } from '../errors.ts';
import { folderRemote } from './folder-remote.ts';
import { httpStore } from './http-store.ts';
import type { Remote, RemoteAuth } from './remote.ts';
import { s3Store, type S3Options } from './s3-store.ts';
import { webRemote } from './web-remote.ts';

export interface RemoteOptions {
  readonly auth?: RemoteAuth;
  readonly s3?: S3Options;
  /** How a web server stores an object; default PUT. */
  readonly uploadMethod?: 'PUT' | 'POST';
  readonly fetch?: typeof fetch;
  /** Longest time for an answer, and between two pieces of an object; default 1 minute. */
  readonly stallMs?: number;
  /** Longest time for the upload of one object, default 10 minutes. */
  readonly timeoutMs?: number;
}

/**
 * @param uri `file:///…`, `http(s)://…` or `s3://bucket/prefix`, to which `files/md5/ab/cdef…` is appended
 * @throws TrainerError REMOTE_UNSUPPORTED; no message repeats credentials
 */
export function openRemote(uri: string, options: RemoteOptions = {}): Remote {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined) {
    throw new TrainerError('REMOTE_UNSUPPORTED', 'a remote is file:///…, http(s)://… or s3://bucket/prefix');
  }
  if (url.username !== '' || url.password !== '') {
    throw new TrainerError('REMOTE_UNSUPPORTED', 'credentials do not belong in the address of the remote');
  }
  if (url.search !== '' || url.hash !== '') {
    throw new TrainerError('REMOTE_UNSUPPORTED', 'the address of a remote has neither ? nor #');
  }
  switch (url.protocol) {
    case 'file:':
      return folderRemote(fileURLToPath(url));
    case 'http:':
    case 'https:':
      return webRemote(httpStore(url, options), options);
    case 's3:':
      return webRemote(s3Store(uri, options.s3), options);
    default:
      throw new TrainerError(
        'REMOTE_UNSUPPORTED',
        `${url.protocol}//… is no remote that Hilum reads: push to file:///…, http(s)://… or s3://…`,
      );
  }
}
