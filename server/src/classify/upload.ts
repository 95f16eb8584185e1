/** The ways in which images come: a body, the files of a form, a zip. */
import type { FastifyRequest } from 'fastify';
import { ServerError } from '../errors.ts';
import { bodyOf } from '../http/admission.ts';
import { filesOfForm } from './form.ts';
import type { SentFile } from './sent-file.ts';
import { MAX_FILES, filesOfZip, isZip } from './zip.ts';

export type Upload =
  | { readonly kind: 'image'; readonly bytes: Uint8Array; readonly name: string }
  | { readonly kind: 'files'; readonly files: readonly SentFile[] };

/**
 * One file is an image, several are a series. What headers say of the type of a file is not trusted.
 *
 * @param maxBytes of a series, unpacked
 * @throws ServerError BODY_EMPTY, BODY_TOO_LARGE, MULTIPART_INVALID, ZIP_INVALID, ZIP_SUSPICIOUS, SERIES_TOO_LARGE
 */
export async function readUpload(request: FastifyRequest, maxBytes: number): Promise<Upload> {
  const body = bodyOf(request);
  const type = request.headers['content-type'] ?? '';
  if (!type.trimStart().toLowerCase().startsWith('multipart/form-data')) return one(body, '', maxBytes);
  const parts = filesOfForm(body, type, MAX_FILES);
  const [part] = parts;
  if (part === undefined) throw new ServerError('MULTIPART_INVALID', 'the form holds no file');
  if (parts.length > 1) {
    const files = parts.map(({ name, bytes }) => ({ name, read: async () => bytes }));
    return several(files, 'MULTIPART_INVALID');
  }
  if (part.bytes.byteLength === 0) throw new ServerError('BODY_EMPTY');
  return one(part.bytes, part.name, maxBytes);
}

/** By the mark of a Part 10 file. */
export function isDicom(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(128, 132)).toString('latin1') === 'DICM';
}

async function one(bytes: Uint8Array, name: string, maxBytes: number): Promise<Upload> {
  if (!isZip(bytes)) return { kind: 'image', bytes, name };
  return several(await filesOfZip(bytes, maxBytes), 'ZIP_INVALID');
}

async function several(
  sent: readonly SentFile[],
  empty: 'MULTIPART_INVALID' | 'ZIP_INVALID',
): Promise<Upload> {
  const files = sent.filter(({ name }) => !isBesideImages(name));
  const [file] = files;
  if (file === undefined) throw new ServerError(empty, 'there is no image among the files');
  if (files.length > 1) return { kind: 'files', files };
  return { kind: 'image', bytes: await file.read(), name: file.name };
}

/** What media and file managers put beside images. */
function isBesideImages(name: string): boolean {
  const segments = name.split(/[/\\]/);
  const last = segments.at(-1) ?? '';
  return segments.includes('__MACOSX') || last.startsWith('.') || /^(DICOMDIR|Thumbs\.db)$/i.test(last);
}
