/** The two identities of DVC: the md5 of the bytes, and that of DVC 2, which takes line ends of text as one. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** `files`: DVC 3, `files/md5/ab/cdef…`. `legacy`: what DVC 2 pushed, `ab/cdef…`. */
export type Layout = 'files' | 'legacy';

export interface Md5 {
  readonly update: (chunk: Uint8Array) => void;
  /** Lower-case hex. May be asked once. */
  readonly digest: () => string;
}

export function newMd5(layout: Layout = 'files'): Md5 {
  return layout === 'files' ? plainMd5() : dos2unixMd5();
}

/** Lower-case hex md5 of a file. */
export async function fileMd5(path: string, options: Md5Options = {}): Promise<string> {
  const hash = newMd5(options.layout);
  await hashFile(path, hash, options.signal);
  return hash.digest();
}

interface Md5Options {
  readonly layout?: Layout;
  readonly signal?: AbortSignal | undefined;
}

/** Feeds a file to a hash. */
export async function hashFile(path: string, hash: Md5, signal?: AbortSignal): Promise<void> {
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 2 ** 18 })) {
    hash.update(chunk as Buffer);
  }
}

function plainMd5(): Md5 {
  const hash = createHash('md5');
  return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest('hex') };
}

/** DVC reads this much at a time, and decides for each whether it is text (dvc_data.hashfile.hash). */
const BLOCK_BYTES = 2 ** 20;

function dos2unixMd5(): Md5 {
  const hash = createHash('md5');
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  const flush = (): void => {
    const block = Buffer.concat(pending);
    hash.update(isText(block.subarray(0, 512)) ? dos2unix(block) : block);
    pending = [];
    pendingBytes = 0;
  };
  return {
    update: (chunk) => {
      let rest = chunk;
      while (rest.length > 0) {
        const part = rest.subarray(0, BLOCK_BYTES - pendingBytes);
        pending.push(Uint8Array.from(part)); // the reader may use its memory again
        pendingBytes += part.length;
        rest = rest.subarray(part.length);
        if (pendingBytes === BLOCK_BYTES) flush();
      }
    },
    digest: () => {
      flush();
      return hash.digest('hex');
    },
  };
}

/** No NUL, and at most 30 % outside printable ASCII and \n \r \t \f \b (dvc_data.hashfile.istextfile). */
function isText(block: Uint8Array): boolean {
  if (block.includes(0)) return false;
  const odd = block.filter((byte) => !((byte >= 32 && byte < 127) || [8, 9, 10, 12, 13].includes(byte)));
  return odd.length <= 0.3 * block.length;
}

function dos2unix(block: Uint8Array): Uint8Array {
  return block.filter((byte, index) => !(byte === 13 && block[index + 1] === 10));
}
