/** What is sent to be classified. */
import type { Body } from './transport.ts';

/** One image: DICOM, PNG or JPEG; or a zip of a series, which the server tells by its bytes. */
type Bytes = Uint8Array | Blob;

export interface NamedFile {
  /** Comes back in the answer, where it says which slice decided. */
  readonly name: string;
  readonly bytes: Bytes;
}

export type Images =
  | Bytes
  /** Of one series, in any order; one file is an image. */
  | { readonly files: readonly NamedFile[] }
  | { readonly zip: Bytes };

export interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: () => Body;
}

export function sentOf(images: Images): Sent {
  if (images instanceof Uint8Array || images instanceof Blob) {
    return { headers: { 'content-type': 'application/octet-stream' }, body: () => bodyOf(images) };
  }
  if ('zip' in images) {
    return { headers: { 'content-type': 'application/zip' }, body: () => bodyOf(images.zip) };
  }
  // The type with its boundary is the platform's to set.
  return { headers: {}, body: () => formOf(images.files) };
}

function formOf(files: readonly NamedFile[]): FormData {
  const form = new FormData();
  for (const { name, bytes } of files) form.append('file', new Blob([bodyOf(bytes)]), name);
  return form;
}

// Fetch takes no shared memory, which the type of a plain Uint8Array leaves open.
function bodyOf(bytes: Bytes): Blob | Uint8Array<ArrayBuffer> {
  return bytes instanceof Blob
    ? bytes
    : new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}
