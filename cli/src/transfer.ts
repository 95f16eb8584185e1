/** What fetching and pushing have in common: the repository, who asks, and the line on the terminal. */
import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { PullOptions, TransferProgress } from '@hilum/trainer';
import { UsageError, type Io } from './command.ts';
import { bar } from './demo/screen.ts';

/** The DVC repository around a path, and the path in it. @throws UsageError */
export async function repositoryOf(
  target: string,
): Promise<{ readonly repo: string; readonly path: string }> {
  const whole = resolve(target);
  for (let dir = dirname(whole); ; dir = dirname(dir)) {
    const isRepository = (await stat(join(dir, '.dvc')).catch(() => undefined))?.isDirectory() === true;
    if (isRepository) return { repo: dir, path: relative(dir, whole).split(sep).join('/') };
    if (dir === dirname(dir)) break;
  }
  throw new UsageError(`${target} is in no DVC repository, as none of the folders above it holds .dvc`);
}

/** Credentials for an http remote, from where a pod has them too; S3's are found by themselves. */
export function remoteAuth(env: Readonly<Record<string, string | undefined>>): Pick<PullOptions, 'auth'> {
  const { HILUM_DVC_TOKEN: token, HILUM_DVC_USERNAME: username, HILUM_DVC_PASSWORD: password } = env;
  if (token !== undefined) return { auth: { token } };
  return username === undefined ? {} : { auth: { username, password: password ?? '' } };
}

/** One line that is redrawn; nothing where there is no terminal. */
export function transferProgress(terminal: Io['stderr'], what: string): (progress: TransferProgress) => void {
  return ({ files, totalFiles, bytes }) => {
    if (terminal.isTTY !== true) return;
    const end = files === totalFiles ? '\n' : '';
    const megabytes = (bytes / 1e6).toFixed(1);
    terminal.write(`\r\u001B[2K${what}  ${bar(files, totalFiles)} files, ${megabytes} MB${end}`);
  };
}
