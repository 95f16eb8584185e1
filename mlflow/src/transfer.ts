/** Bytes between files and the artifact proxy, streamed: memory does not grow with the file. */
import { openAsBlob } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { encodeArtifactPath } from './artifact-path.ts';
import { MlflowError } from './errors.ts';
import type { Http, Stream } from './http.ts';

const PROXY = '/api/2.0/mlflow-artifacts/artifacts';

/**
 * Stores bytes or a file under a path of the proxy, over what was there.
 *
 * @param content bytes, or a path of a file that does not change meanwhile
 */
export async function putArtifact(
  http: Http,
  path: string,
  content: Uint8Array | string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const blob = typeof content === 'string' ? await openAsBlob(content) : new Blob([Uint8Array.from(content)]);
  const body = (deadline: { extend: () => void }): { stream: ReadableStream<Uint8Array>; bytes: number } => {
    const progress = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        deadline.extend();
        controller.enqueue(chunk);
      },
    });
    return { stream: blob.stream().pipeThrough(progress), bytes: blob.size };
  };
  await http.transfer({ path: `${PROXY}/${encodeArtifactPath(path)}`, body, signal }, async (answer) => {
    await answer.body?.cancel();
  });
}

/** Bytes of a stored file from `from` on, or all of them where the server knows no ranges. */
export function readArtifact(
  http: Http,
  path: string,
  from: number,
  signal: AbortSignal | undefined,
): Promise<Stream> {
  return http.stream(`${PROXY}/${encodeArtifactPath(path)}`, from, signal);
}

export interface Download {
  /** Path behind the proxy. */
  readonly path: string;
  /** As listed; undefined where the store does not say. */
  readonly bytes: number | undefined;
  /** Absolute path; written as `<into>.part` and renamed when whole. */
  readonly into: string;
  readonly onBytes: (bytes: number) => void;
}

export async function getArtifact(
  http: Http,
  download: Download,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { path, into, bytes } = download;
  const part = `${into}.part`;
  try {
    await http.transfer(
      { path: `${PROXY}/${encodeArtifactPath(path)}`, signal },
      async (answer, deadline) => {
        const file = await open(part, 'w');
        let written = 0;
        try {
          for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
            deadline.extend();
            await file.writeFile(chunk); // writes on from where it stands, and all of the chunk
            written += chunk.length;
            download.onBytes(chunk.length);
          }
        } catch (error) {
          download.onBytes(-written); // the next attempt starts anew
          throw error;
        } finally {
          await file.close();
        }
        if (bytes === undefined || bytes === written) return;
        download.onBytes(-written);
        throw new MlflowError('ARTIFACT_INCOMPLETE', `${path}: ${written} bytes came, ${bytes} are listed`);
      },
    );
    await rename(part, into);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
