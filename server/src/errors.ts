/** Every code with which this server refuses or fails a request: one table, from which docs/errors.md is made. */
import { IMAGING_CODES, ImagingError } from '@hilum/imaging';
import type { Problem } from '@hilum/wire';

/** What a code means: the HTTP status and the sentence for people, which names who can act. */
interface ErrorEntry {
  readonly status: number;
  readonly text: string;
}

const SERVER_CODES = {
  BATCH_TOO_LARGE: {
    status: 400,
    text: 'The request holds more images than are taken at once; the detail says how many are. Send several requests.',
  },
  BODY_EMPTY: { status: 400, text: 'The request has no body. Send the bytes of one image.' },
  BODY_TIMEOUT: { status: 408, text: 'The request did not arrive in time. Send it again, faster.' },
  BODY_TOO_LARGE: {
    status: 413,
    text: 'The body is larger than this server takes. A series goes as several files of a form, or as a zip.',
  },
  CLIENT_GONE: {
    status: 499,
    text: 'The client closed the connection before the answer; its work was dropped.',
  },
  CONTENT_ENCODING_UNSUPPORTED: {
    status: 415,
    text: 'A compressed body is not taken. Send the bytes of the image as they are.',
  },
  CONTENT_TYPE_INVALID: {
    status: 415,
    text: 'The Content-Type header is not a media type. Leave it out or send application/octet-stream.',
  },
  DEADLINE_INVALID: {
    status: 400,
    text: 'X-Request-Timeout-Ms holds no whole number of milliseconds from 1 to 86400000.',
  },
  DEADLINE_UNREACHABLE: {
    status: 503,
    text: 'So much waits that no answer would come within the deadline. Try again after the seconds in Retry-After.',
  },
  DEADLINE_EXCEEDED: { status: 504, text: 'No answer within the deadline of a request. Try again later.' },
  ENGINE_FAILED: {
    status: 500,
    text: 'The inference engine failed on this image. The log names the request id.',
  },
  FORBIDDEN: {
    status: 403,
    text: 'Whoever asks is known, but has no such role. Whoever runs this server gives roles.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    text: 'The headers of a request are larger than 16 KiB. Send the image in the body.',
  },
  INTERNAL: { status: 500, text: 'The server has a bug. The log names the request id.' },
  ISSUER_UNREACHABLE: {
    status: 503,
    text: 'The token cannot be checked: its issuer does not answer. Try again later.',
  },
  LEDGER_FAILED: {
    status: 503,
    text: 'The prediction could not be written into the ledger, so it is not given. Whoever runs this server has to look at its disk.',
  },
  METHOD_NOT_ALLOWED: { status: 405, text: 'This address takes another method; the Allow header names it.' },
  JSON_INVALID: {
    status: 400,
    text: 'The body is not the JSON that this address takes; the detail says where.',
  },
  MODEL_NOT_READY: {
    status: 503,
    text: 'The model is not ready yet; /v2/health/ready says why. Try again later.',
  },
  MODEL_UNKNOWN: {
    status: 404,
    text: 'This server has another model, or another version of it; /v2/repository/index names the one that it has.',
  },
  MULTIPART_INVALID: {
    status: 400,
    text: 'The form holds no file, or is none: curl -F file=@slice.dcm; of a series, -F for each file.',
  },
  NOT_EXPLAINABLE: {
    status: 501,
    text: 'This model gives no heat map: what it answers by are not maps of places. /v1/classify answers.',
  },
  NOT_ACCEPTABLE: {
    status: 406,
    text: 'The answer has none of the forms that the Accept header asks for; the detail lists those that it has.',
  },
  NOT_FOUND: { status: 404, text: 'There is nothing at this address. /docs lists what there is.' },
  PARAMETER_INVALID: {
    status: 400,
    text: 'A parameter of the address has a value that it does not take; the detail lists those that it takes.',
  },
  QUEUE_FULL: {
    status: 503,
    text: 'This server has as much work as it takes. Try again after the seconds in Retry-After.',
  },
  REPOSITORY_FIXED: {
    status: 400,
    text: 'The model of this server is chosen by its deployment. It is neither loaded nor unloaded by a request.',
  },
  RATE_LIMITED: {
    status: 429,
    text: 'This caller has asked as often as it may. Try again after the seconds in Retry-After.',
  },
  REQUEST_INVALID: { status: 400, text: 'The request is not valid HTTP.' },
  SCORING_INPUT_INVALID: {
    status: 400,
    text: 'The input of this model is a tensor: send {"inputs": …} or {"instances": …} with [n, s, s, 3] numbers.',
  },
  SERIES_OF_PICTURES: {
    status: 422,
    text: 'A picture does not say where it lies in a series. Send PNG and JPEG one by one, or the series as DICOM.',
  },
  SERIES_SEVERAL: {
    status: 422,
    text: 'The files are of several series. Send one series at a time.',
  },
  SERIES_TOO_LARGE: {
    status: 413,
    text: 'The series has more files, or unpacked more bytes, than this server takes.',
  },
  SHUTTING_DOWN: { status: 503, text: 'This server is going down. Try again; another one answers.' },
  TENSOR_INVALID: {
    status: 400,
    text: 'A tensor does not fit the model or its own shape; /v2/models/NAME says what the model takes.',
  },
  TENSOR_UNKNOWN: {
    status: 400,
    text: 'The model has no tensor of this name; /v2/models/NAME has the names.',
  },
  UNAUTHENTICATED: {
    status: 401,
    text: 'No valid API key, token or certificate came with the request. Whoever runs this server gives keys.',
  },
  ZIP_INVALID: {
    status: 400,
    text: 'The zip cannot be read: it is damaged, encrypted, empty, or packed in a way that is not taken.',
  },
  ZIP_SUSPICIOUS: {
    status: 413,
    text: 'The zip unpacks to far more than images do, and was not unpacked.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** code → status and text, of the server and of the images it is sent. */
export const ERROR_CODES = { ...IMAGING_CODES, ...SERVER_CODES };

export type ErrorCode = keyof typeof ERROR_CODES;

/** A request that is refused or failed, by a code of the table. */
export class ServerError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    detail?: string,
    options: ErrorOptions & { readonly retryAfterSeconds?: number } = {},
  ) {
    super(detail ?? ERROR_CODES[code].text, options);
    this.name = 'ServerError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Fastify's own codes, in ours. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'CONTENT_TYPE_INVALID',
  FST_ERR_CTP_EMPTY_TYPE: 'CONTENT_TYPE_INVALID',
  FST_ERR_BAD_URL: 'REQUEST_INVALID',
  FST_ERR_MAX_PARAM_LENGTH: 'REQUEST_INVALID',
  ECONNRESET: 'CLIENT_GONE',
  ECONNABORTED: 'CLIENT_GONE',
};

/** Whatever was thrown, as a ServerError: an unknown one becomes INTERNAL and keeps its cause for the log only. */
export function toServerError(error: unknown): ServerError {
  if (error instanceof ServerError) return error;
  if (error instanceof ImagingError) return new ServerError(error.code, error.message, { cause: error });
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = FASTIFY_CODES[code];
  if (known !== undefined) return new ServerError(known, undefined, { cause: error });
  return new ServerError('INTERNAL', undefined, { cause: error });
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export function problemOf(error: ServerError, requestId: string): Problem {
  const { status, text } = ERROR_CODES[error.code];
  return {
    type: `urn:hilum:error:${error.code}`,
    title: text,
    status,
    detail: error.message,
    code: error.code,
    requestId,
    // A result too: the image was read, and this model says that it has no answer for it.
    ...(error.code in IMAGING_CODES && status === 422 && { outcome: 'refused' }),
  };
}
