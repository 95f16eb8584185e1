/** The files of one request as the reader of series takes them. */
import type { Source } from '@hilum/imaging';
import type { SentFile } from './sent-file.ts';

export interface Sources {
  /** Under numbers of ours: clients give two files one name, and name files after patients. */
  readonly list: readonly Source[];
  /** The client's own name, for the answer to it alone. */
  readonly sentAs: (name: string) => string;
  readonly read: (name: string, signal?: AbortSignal) => Promise<Uint8Array>;
  /** How many are PNG or JPEG; known once all were read. */
  readonly pictures: () => number;
}

/** In the order of their names, so that the order in which they came has no influence. */
export function sourcesOf(files: readonly SentFile[]): Sources {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const names = sorted.map((_, index) => String(index).padStart(6, '0'));
  const byName = new Map(names.map((name, index) => [name, sorted[index]]));
  const recent = new Map<string, Uint8Array>();
  const pictures = new Set<string>();

  const read = async (name: string, signal?: AbortSignal): Promise<Uint8Array> => {
    const known = recent.get(name);
    if (known !== undefined) return known;
    const file = byName.get(name);
    if (file === undefined) throw new RangeError('no such file');
    const bytes = await file.read(signal);
    if (isPicture(bytes)) pictures.add(name);
    recent.set(name, bytes);
    const [oldest] = recent.keys();
    if (recent.size > RECENT && oldest !== undefined) recent.delete(oldest);
    return bytes;
  };

  return {
    list: names.map((name) => ({ name, read: async (signal) => read(name, signal) })),
    sentAs: (name) => byName.get(name)?.name ?? '',
    read,
    pictures: () => pictures.size,
  };
}

// A slice is decoded, inferred and hashed within the time of some others: it need not be unpacked twice for that.
const RECENT = 8;

function isPicture(bytes: Uint8Array): boolean {
  return PICTURES.some((start) => start.every((byte, at) => bytes[at] === byte));
}

const PICTURES = [
  [0x89, 0x50, 0x4e, 0x47],
  [0xff, 0xd8, 0xff],
];
