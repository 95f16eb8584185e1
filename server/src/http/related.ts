/** Several DICOM objects in one body (RFC 2387; PS3.18 8.6.1.2). */
import { DICOM_TYPE } from './accept.ts';

export interface RelatedBody {
  /** The Content-Type header. */
  readonly type: string;
  readonly body: Buffer;
}

/** @param boundary must not occur in a part; a random UUID does not */
export function relatedDicom(parts: readonly Uint8Array[], boundary: string): RelatedBody {
  const head = `--${boundary}\r\nContent-Type: ${DICOM_TYPE}\r\n\r\n`;
  const pieces = parts.flatMap((part) => [Buffer.from(head), part, Buffer.from('\r\n')]);
  return {
    type: `multipart/related; type="${DICOM_TYPE}"; boundary=${boundary}`,
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
  };
}
