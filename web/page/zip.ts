/** The files of a zip, listed by its directory and unpacked one at a time. */

export interface ZipEntry {
  readonly path: string;
  readonly load: () => Promise<Blob>;
}

const END = 0x06_05_4b_50;
const ENTRY = 0x02_01_4b_50;
const END_BYTES = 22;
const STORED = 0;
const DEFLATED = 8;
// A CT series has some hundred slices of half a MiB.
const MAX_ENTRIES = 5_000;
const MAX_ENTRY_BYTES = 128 * 1024 * 1024;

export async function isZip(file: Blob): Promise<boolean> {
  const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return [0x50, 0x4b, 0x03, 0x04].every((byte, at) => start[at] === byte);
}

/** Empty where it cannot be read here (zip64, encryption): the server may still read it. */
export async function zipEntries(file: Blob): Promise<readonly ZipEntry[]> {
  // The end record may be followed by a comment of 64 KiB at most.
  const tailAt = Math.max(0, file.size - END_BYTES - 65_535);
  const tail = new DataView(await file.slice(tailAt).arrayBuffer());
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END) end -= 1;
  if (end < 0) return [];
  const directoryBytes = tail.getUint32(end + 12, true);
  const directoryAt = tail.getUint32(end + 16, true);
  const directory = new DataView(await file.slice(directoryAt, directoryAt + directoryBytes).arrayBuffer());
  const found: ZipEntry[] = [];
  for (let at = 0; at + 46 <= directory.byteLength && found.length < MAX_ENTRIES;) {
    if (directory.getUint32(at, true) !== ENTRY) break;
    const encrypted = (directory.getUint16(at + 8, true) & 1) === 1;
    const method = directory.getUint16(at + 10, true);
    const packedBytes = directory.getUint32(at + 20, true);
    const bytes = directory.getUint32(at + 24, true);
    const nameBytes = directory.getUint16(at + 28, true);
    const skip = directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
    const headerAt = directory.getUint32(at + 42, true);
    const path = new TextDecoder().decode(new Uint8Array(directory.buffer, at + 46, nameBytes));
    at += 46 + nameBytes + skip;
    const readable = !encrypted && (method === STORED || method === DEFLATED) && bytes <= MAX_ENTRY_BYTES;
    // Finder adds a shadow of each file.
    if (!readable || bytes === 0 || path.endsWith('/') || path.startsWith('__MACOSX/')) continue;
    found.push({ path, load: async () => unpack(file, headerAt, packedBytes, method) });
  }
  return found;
}

async function unpack(file: Blob, headerAt: number, packedBytes: number, method: number): Promise<Blob> {
  // The local header repeats the name and has extra fields of its own length.
  const header = new DataView(await file.slice(headerAt, headerAt + 30).arrayBuffer());
  const from = headerAt + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  const packed = file.slice(from, from + packedBytes);
  if (method === STORED) return packed;
  const reader = packed.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts);
    bytes += value.length;
    if (bytes > MAX_ENTRY_BYTES) {
      await reader.cancel();
      throw new Error('a file of the zip is too large');
    }
    parts.push(value);
  }
}
