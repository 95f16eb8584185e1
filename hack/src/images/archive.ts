/** Writes a container image without any builder: a docker-archive tar of one layer. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

export interface ArchiveImage {
  /** `localhost/name:tag`: a name with a host is never looked up elsewhere. */
  readonly ref: string;
  /** Absolute path in the image → file here; all are executable and owned by root. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
}

/** Deterministic: the same files give the same image id, whenever and wherever. */
export async function writeImageArchive(path: string, image: ArchiveImage): Promise<void> {
  const entries: Entry[] = [];
  for (const [target, source] of Object.entries(image.files)) {
    const name = target.replace(/^\/+/, '');
    const parents = name.split('/').slice(0, -1);
    for (const [index] of parents.entries()) {
      const folder = `${parents.slice(0, index + 1).join('/')}/`;
      if (!entries.some((entry) => entry.name === folder)) entries.push({ name: folder });
    }
    entries.push({ name, bytes: await readFile(source), mode: 0o755 });
  }
  const layer = tar(entries);
  const config = json({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: EPOCH,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: image.entrypoint,
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: EPOCH, created_by: 'hilum' }],
  });
  const layerName = `${sha256(layer)}/layer.tar`;
  const configName = `${sha256(config)}.json`;
  const manifest = json([{ Config: configName, RepoTags: [image.ref], Layers: [layerName] }]);
  await writeFile(
    path,
    tar([
      { name: layerName, bytes: layer },
      { name: configName, bytes: config },
      { name: 'manifest.json', bytes: manifest },
    ]),
  );
}

/** No bytes: a folder. */
type Entry = { readonly name: string; readonly bytes?: Buffer; readonly mode?: number };

const EPOCH = '2026-01-01T00:00:00Z';
const BLOCK = 512;

/** POSIX ustar (IEEE 1003.1, pax): a header of one block, then the bytes filled up to whole blocks. */
function tar(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  for (const { name, bytes, mode } of entries) {
    const header = Buffer.alloc(BLOCK);
    const field = (offset: number, text: string): void => void header.write(text, offset, 'latin1');
    if (Buffer.byteLength(name) > 100) throw new Error(`${name}: longer than a tar name`);
    field(0, name);
    field(100, octal(bytes === undefined ? 0o755 : (mode ?? 0o644), 8));
    field(108, octal(0, 8)); // uid
    field(116, octal(0, 8)); // gid
    field(124, octal(bytes?.length ?? 0, 12));
    field(136, octal(0, 12)); // mtime
    field(148, ' '.repeat(8)); // the checksum counts its own field as spaces
    field(156, bytes === undefined ? '5' : '0');
    field(257, 'ustar\x0000');
    field(
      148,
      `${octal(
        header.reduce((sum, byte) => sum + byte, 0),
        7,
      )}\0 `,
    );
    parts.push(header);
    if (bytes === undefined) continue;
    parts.push(bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, '0');
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
