/** What was dropped, chosen or pasted, as the images of one question. */
import { isZip, zipEntries } from './zip.ts';

export interface Slice {
  /** As the person knows it; it never leaves the page. */
  readonly name: string;
  /** What the server calls it in its answer. */
  readonly sentAs: string;
  readonly load: () => Promise<Blob>;
}

export interface Study {
  readonly title: string;
  readonly slices: readonly Slice[];
  /** One image or a zip as it is; several files as a form. */
  readonly body: () => Blob | FormData;
  readonly type: string | undefined;
}

/** undefined for nothing. */
export async function studyOf(files: readonly File[]): Promise<Study | undefined> {
  const [first] = files;
  if (first === undefined) return undefined;
  if (files.length > 1) return several(files);
  if (!(await isZip(first))) {
    const slice = { name: first.name, sentAs: '', load: async () => first };
    return { title: first.name, slices: [slice], body: () => first, type: 'application/octet-stream' };
  }
  const entries = (await zipEntries(first)).toSorted((a, b) => byNumber.compare(a.path, b.path));
  return {
    title: first.name,
    slices: entries.map(({ path, load }) => ({ name: path, sentAs: path, load })),
    body: () => first,
    type: 'application/zip',
  };
}

function several(files: readonly File[]): Study {
  const sorted = files.toSorted((a, b) => byNumber.compare(a.name, b.name));
  // A file is often named after its patient: a number goes out instead.
  const slices = sorted.map((file, at) => ({ name: file.name, sentAs: `${at + 1}`, load: async () => file }));
  return {
    title: `${files.length} files`,
    slices,
    body: () => {
      const form = new FormData();
      for (const [at, file] of sorted.entries()) form.append('file', file, `${at + 1}`);
      return form;
    },
    // The browser adds the boundary.
    type: undefined,
  };
}

const byNumber = new Intl.Collator('en', { numeric: true });

/** The files of a drop, those in folders as well. Begins at once: the list is empty after the event. */
export async function droppedFiles(transfer: DataTransfer): Promise<readonly File[]> {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found: File[] = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

const MAX_FILES = 5_000;

async function walk(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (found.length >= MAX_FILES || entry.name.startsWith('.')) return;
  if (entry instanceof FileSystemFileEntry) {
    found.push(await new Promise<File>((resolve, reject) => entry.file(resolve, reject)));
  } else if (entry instanceof FileSystemDirectoryEntry) {
    const reader = entry.createReader();
    for (;;) {
      // A browser gives a hundred at a time.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (some.length === 0) return;
      for (const inner of some) await walk(inner, found);
    }
  }
}
