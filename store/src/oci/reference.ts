/** `oci://host[:port]/repository[:tag][@sha256:…]`. Pure. */
import { StoreError } from '../errors.ts';

export interface OciReference {
  /** `host[:port]` */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest, which wins where both are given. */
  readonly tag: string;
  readonly digest: string | undefined;
}

// The grammar of the OCI distribution specification, section "Pulling manifests".
const REPOSITORY = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:\\/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*';
const TAG = '[A-Za-z0-9_][A-Za-z0-9._-]{0,127}';
const HOST = '[A-Za-z0-9.-]+|\\[[0-9a-fA-F:]+\\]';
const REFERENCE = new RegExp(
  `^oci://(?<registry>(?:${HOST})(?::\\d{1,5})?)/(?<repository>${REPOSITORY})(?::(?<tag>${TAG}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** @throws StoreError STORE_UNSUPPORTED */
export function parseOciReference(text: string): OciReference {
  const { registry, repository, tag, digest } = REFERENCE.exec(text)?.groups ?? {};
  if (registry === undefined || repository === undefined) {
    throw new StoreError(
      'STORE_UNSUPPORTED',
      'an OCI address is oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:…',
    );
  }
  if (tag === undefined && digest === undefined) {
    // `latest` would be somebody else's idea of which model is meant.
    throw new StoreError('STORE_UNSUPPORTED', 'an OCI address names a tag or a digest');
  }
  return { registry, repository, tag: tag ?? '', digest };
}
