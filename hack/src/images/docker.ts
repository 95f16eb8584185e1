import { run } from '../run.ts';

let docker: Promise<boolean> | undefined;

/** Whether a Docker engine, not only its client, is here. Asked once a process. */
export function dockerAnswers(): Promise<boolean> {
  docker ??= run('docker', ['info', '--format', '{{.ServerVersion}}'], {
    allowFailure: true,
    timeoutMs: 10_000,
  }).then(
    ({ code, stdout }) => code === 0 && stdout.trim() !== '',
    () => false,
  );
  return docker;
}
