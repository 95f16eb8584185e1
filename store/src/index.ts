export { STORE_CODES, StoreError, type StoreCode } from './errors.ts';
export { parseIni } from './ini.ts';
export type { ObjectBody, ObjectStore } from './objects.ts';
export type { S3Options } from './s3/store.ts';
export { s3Store } from './s3/store.ts';
export { steadyFetch } from './steady-fetch.ts';
export { type WebOptions, type WebStore, objectsOf } from './web.ts';
export { type OciArtifact, type OciFile, ociArtifact } from './oci/artifact.ts';
export { type PushedFile, pushOci } from './oci/push.ts';
