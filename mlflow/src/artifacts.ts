/** Files of runs and models, through MLflow's artifact proxy. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { joinArtifactPath, proxiedPath, safeArtifactPath } from './artifact-path.ts';
import { MlflowError } from './errors.ts';
import type { Http, Stream } from './http.ts';
import type { ModelVersion } from './registry.ts';
import type { Run } from './tracking.ts';
import { getArtifact, putArtifact, readArtifact } from './transfer.ts';

export interface Artifact {
  /** Relative to the run's artifact folder. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** Where the store says so; never for a folder. */
  readonly bytes?: number;
}

export interface DownloadProgress {
  /** Bytes of all files that are here so far. */
  readonly bytes: number;
  /** Bytes of all files, as listed. */
  readonly totalBytes: number;
}

/** A folder of stored files, wherever its run or version has it. */
export interface ArtifactFolder {
  /** Names of what it directly holds; folders too. */
  readonly names: readonly string[];
  /**
   * Bytes of a file from `from` on, or all of them where the server knows no ranges: for a download that goes on where
   * an earlier one broke off.
   */
  readonly read: (path: string, from: number, signal?: AbortSignal) => Promise<Stream>;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** Every call throws MlflowError, or the reason of `signal`. Paths use `/` and stay within their folder. */
export interface Artifacts {
  /** @param content bytes, or the path of a file here */
  uploadFile(
    run: Pick<Run, 'artifactUri'>,
    artifactPath: string,
    content: Uint8Array | string,
    signal?: AbortSignal,
  ): Promise<void>;
  /** @param artifactPath folder of the run that gets what `dir` holds; '' is the run's own */
  uploadDirectory(
    run: Pick<Run, 'artifactUri'>,
    artifactPath: string,
    dir: string,
    signal?: AbortSignal,
  ): Promise<void>;
  /** One file of a run, to a path of this machine whose folder exists; written whole or not at all. */
  downloadFile(runId: string, artifactPath: string, into: string, signal?: AbortSignal): Promise<void>;
  /** What a folder of the run directly holds; none where there is no such folder. */
  listArtifacts(runId: string, path?: string, signal?: AbortSignal): Promise<Artifact[]>;
  /**
   * Fetches the files of a version into `dir`, which is missing or empty before and complete after; a call that fails
   * leaves no `dir`. The caller verifies the content: MLflow keeps no digest of it.
   */
  downloadModel(version: ModelVersion, dir: string, options?: DownloadOptions): Promise<void>;
  /** Where the files of a version are. Throws MODEL_NOT_FOUND where they are gone. */
  openModel(version: ModelVersion, signal?: AbortSignal): Promise<ArtifactFolder>;
  /** A folder of a run; '' is the run's own. Throws RESOURCE_DOES_NOT_EXIST for the run, MODEL_NOT_FOUND for the folder. */
  openRunFolder(runId: string, path: string, signal?: AbortSignal): Promise<ArtifactFolder>;
}

const API = '/api/2.0/mlflow';
// What is downloaded is a model package of about 15 files; a tree beyond this is something else.
const MOST_FILES = 10_000;
const DEEPEST = 16;

export function createArtifacts(
  http: Http,
  artifactUriOf: (runId: string, signal?: AbortSignal) => Promise<string>,
): Artifacts {
  /** `models:/…` and `runs:/…` sources name their place only indirectly. */
  async function placeOf(version: ModelVersion, signal: AbortSignal | undefined): Promise<string> {
    const query = { name: version.name, version: version.version };
    const request = { path: `${API}/model-versions/get-download-uri`, query, signal };
    const { artifact_uri: uri } = await http.json(request, z.object({ artifact_uri: z.string() }));
    const ofRun = /^runs:\/(?<runId>[\w-]+)\/(?<path>.+)$/.exec(uri)?.groups;
    if (ofRun === undefined) return proxiedPath(uri);
    const root = await artifactUriOf(ofRun['runId'] ?? '', signal);
    return joinArtifactPath(proxiedPath(root), ofRun['path'] ?? '');
  }

  async function filesUnder(root: string, signal: AbortSignal | undefined): Promise<ListedFile[]> {
    const files: ListedFile[] = [];
    const folders = [{ path: '', depth: 0 }];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const query = { path: joinArtifactPath(root, folder.path) };
      const request = { path: '/api/2.0/mlflow-artifacts/artifacts', query, signal };
      for (const entry of (await http.json(request, listAnswer)).files) {
        const path = joinArtifactPath(folder.path, entry.path); // the proxy lists names, not paths
        if (!entry.is_dir) files.push({ path, bytes: entry.file_size });
        else if (folder.depth < DEEPEST) folders.push({ path, depth: folder.depth + 1 });
        if (folder.depth >= DEEPEST || files.length + folders.length > MOST_FILES) {
          throw new MlflowError(
            'LIMIT_EXCEEDED',
            `the model has more than ${MOST_FILES} files or ${DEEPEST} levels`,
          );
        }
      }
    }
    return files;
  }

  /** @param what for the error where there is nothing */
  async function folderAt(
    root: string,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<ArtifactFolder> {
    const query = { path: root };
    const request = { path: '/api/2.0/mlflow-artifacts/artifacts', query, signal };
    const names = (await http.json(request, listAnswer)).files.map(({ path }) => path);
    if (names.length === 0) throw new MlflowError('MODEL_NOT_FOUND', what);
    return {
      names,
      read: (path, from, reading) => readArtifact(http, joinArtifactPath(root, path), from, reading),
    };
  }

  return {
    async openModel(version, signal) {
      const what = `version ${version.version} of the model "${version.name}" is registered, but its files are gone`;
      return folderAt(await placeOf(version, signal), what, signal);
    },

    async openRunFolder(runId, path, signal) {
      const root = joinArtifactPath(proxiedPath(await artifactUriOf(runId, signal)), path);
      return folderAt(root, `the run ${runId} has no files at "${path}"`, signal);
    },

    async uploadFile(run, artifactPath, content, signal) {
      await putArtifact(http, joinArtifactPath(proxiedPath(run.artifactUri), artifactPath), content, signal);
    },

    async uploadDirectory(run, artifactPath, dir, signal) {
      const root = joinArtifactPath(proxiedPath(run.artifactUri), artifactPath);
      const files = await localFiles(dir);
      await together(files, signal, (path, signal) =>
        putArtifact(http, joinArtifactPath(root, path), join(dir, path), signal),
      );
    },

    async downloadFile(runId, artifactPath, into, signal) {
      const path = joinArtifactPath(proxiedPath(await artifactUriOf(runId, signal)), artifactPath);
      await getArtifact(http, { path, bytes: undefined, into, onBytes: () => undefined }, signal);
    },

    async listArtifacts(runId, path = '', signal) {
      const found: Artifact[] = [];
      let token: string | undefined;
      do {
        const query = {
          run_id: runId,
          path: path === '' ? undefined : safeArtifactPath(path),
          page_token: token,
        };
        const page = await http.json({ path: `${API}/artifacts/list`, query, signal }, listAnswer);
        for (const { path, is_dir: isDirectory, file_size: bytes } of page.files) {
          found.push({ path, isDirectory, ...(bytes === undefined || isDirectory ? {} : { bytes }) });
        }
        token = page.files.length === 0 ? undefined : page.next_page_token;
      } while (token !== undefined && token !== '');
      return found;
    },

    async downloadModel(version, dir, { signal, onProgress } = {}) {
      if (existsSync(dir) && (await readdir(dir)).length > 0) {
        throw new MlflowError('DESTINATION_NOT_EMPTY', `${dir} holds files already; name a new folder`);
      }
      const root = await placeOf(version, signal);
      const files = await filesUnder(root, signal);
      if (files.length === 0) {
        const what = `version ${version.version} of the model "${version.name}"`;
        throw new MlflowError('MODEL_NOT_FOUND', `${what} is registered, but its files are gone`);
      }
      const totalBytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
      let bytes = 0;
      const onBytes = (more: number): void => {
        bytes += more;
        onProgress?.({ bytes, totalBytes });
      };
      // Beside the destination and moved there whole: who finds `dir` finds all of it.
      const scratch = `${dir}.part`;
      await rm(scratch, { recursive: true, force: true });
      try {
        await together(files, signal, async (file, signal) => {
          const into = join(scratch, file.path);
          await mkdir(dirname(into), { recursive: true });
          await getArtifact(
            http,
            { path: joinArtifactPath(root, file.path), bytes: file.bytes, into, onBytes },
            signal,
          );
        });
        await rename(scratch, dir);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}

interface ListedFile {
  /** Relative to the model's folder. */
  readonly path: string;
  readonly bytes: number | undefined;
}

/** Does all, as many at once as the transport allows; the first failure stops the others before it is thrown. */
async function together<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const started = items.map((item) =>
    work(item, both).catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(started);
  await Promise.all(started);
}

/** @returns paths relative to `dir`, with `/` */
async function localFiles(dir: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(dir, below), { withFileTypes: true })) {
      const path = joinArtifactPath(below, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push(path);
      else
        throw new MlflowError(
          'ARTIFACT_PATH_INVALID',
          `${path} is neither a file nor a folder; replace the link`,
        );
    }
  };
  await walk('');
  return files.toSorted();
}

const listAnswer = z.object({
  files: z
    .array(
      z.object({
        path: z.string(),
        is_dir: z.boolean().default(false),
        file_size: z.coerce.number().optional(),
      }),
    )
    .default([]),
  next_page_token: z.string().optional(),
});
