/** An S3 bucket as a store: addresses and signatures. */
import { AwsV4Signer } from 'aws4fetch';
import { StoreError } from '../errors.ts';
import { s3Credentials, type CredentialSources, type S3Credentials } from './credentials.ts';
import type { WebStore } from '../web.ts';

export interface S3Options extends CredentialSources {
  /** Of an S3 that is not AWS, for example `http://minio:9000`; default AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, then AWS. */
  readonly endpointUrl?: string;
  /** Default AWS_REGION, AWS_DEFAULT_REGION, then us-east-1. */
  readonly region?: string;
  /** Bucket in the path instead of the host name; default: with an endpoint of one's own, or dots in the bucket's name. */
  readonly pathStyle?: boolean;
  /** Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** AWS takes 5 GiB in one PUT; an object of a dataset is one image, and a part of it is no object of DVC. */
const MAX_UPLOAD_BYTES = 5 * 2 ** 30;

/** @throws StoreError STORE_UNSUPPORTED where the address names no bucket or the endpoint is none */
export function s3Store(address: string, options: S3Options = {}): WebStore {
  const env = options.env ?? process.env;
  // The prefix stands in the address as it is, without escapes: so does DVC take it.
  const [, bucket = '', ...prefix] = address.split(/\/+/);
  if (prefix.at(-1) === '') prefix.pop();
  if (!/^[a-z0-9][a-z0-9._-]{1,62}$/i.test(bucket) || prefix.some((step) => /^\.{1,2}$/.test(step))) {
    throw new StoreError('STORE_UNSUPPORTED', 'an S3 address is s3://bucket or s3://bucket/prefix');
  }
  const region = options.region ?? (env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1');
  const root = rootOf(bucket, region, options, env);
  const signingKeys = new Map<string, ArrayBuffer>();
  let credentials: Promise<S3Credentials | undefined> | undefined;
  return {
    name: `s3://${[bucket, ...prefix].join('/')}`,
    url: (path) => new URL(`${root}/${[...prefix, ...path.split('/')].map(encodeStep).join('/')}`),
    headers: async ({ method, url, headers }) => {
      credentials ??= s3Credentials(options, env);
      const identity = await credentials;
      if (identity === undefined) return headers;
      const signer = new AwsV4Signer({
        ...identity,
        method,
        url: url.href,
        headers,
        region,
        service: 's3',
        cache: signingKeys,
      });
      return Object.fromEntries((await signer.sign()).headers);
    },
    uploadMethod: 'PUT',
    // The signature leaves the body out, as it would have to be read twice; by this the store refuses a damaged one.
    digest: (md5) => ({ 'content-md5': Buffer.from(md5, 'hex').toString('base64') }),
    maxUploadBytes: MAX_UPLOAD_BYTES,
  };
}

function rootOf(
  bucket: string,
  region: string,
  options: S3Options,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const own = options.endpointUrl ?? (env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL']);
  const endpoint = own ?? `https://s3.${region}.amazonaws.com`;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new StoreError('STORE_UNSUPPORTED', 'the S3 endpoint is not http(s)://…');
  }
  if (url.username !== '' || url.password !== '') {
    throw new StoreError('STORE_UNSUPPORTED', 'credentials do not belong in the S3 endpoint');
  }
  const base = `${url.host}${url.pathname.replace(/\/+$/, '')}`;
  // The certificate of *.s3.… covers one step of the name only, so a bucket with dots goes into the path.
  const pathStyle = options.pathStyle ?? (own !== undefined || bucket.includes('.'));
  return pathStyle ? `${url.protocol}//${base}/${bucket}` : `${url.protocol}//${bucket}.${base}`;
}

/** As AWS signs it: everything but unreserved characters escaped. */
function encodeStep(step: string): string {
  return encodeURIComponent(step).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
