/** What every pod of ours has in common: the restricted pod security standard, and no Kubernetes permission. */

type Quantities = Readonly<Record<string, string | number>>;

export interface Resources {
  readonly requests?: Quantities;
  readonly limits?: Quantities;
}

/** The uid of the images' own user; any other non-root uid works as well. */
const UID = 65_532;

export const podSecurity = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: UID,
    runAsGroup: UID,
    fsGroup: UID,
    seccompProfile: { type: 'RuntimeDefault' },
  },
} as const;

export const containerSecurity = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
} as const;

/** The spec's resources, with our requests for what the spec does not speak of. */
export function withRequests(given: Resources, defaults: Readonly<Record<string, string>>): Resources {
  const limits = textual(given.limits);
  // A default above a limit that the user set would be refused, so a limit counts as having spoken.
  const ours = Object.entries(defaults).filter(([name]) => limits[name] === undefined);
  const requests = { ...Object.fromEntries(ours), ...textual(given.requests) };
  return { requests, ...(Object.keys(limits).length === 0 ? {} : { limits }) };
}

/** `cpu: 2` is written `"2"` by the API server; the same text from us keeps applies free of changes. */
function textual(quantities: Quantities | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(quantities ?? {}).map(([name, value]) => [name, String(value)]));
}

interface EmptyDir {
  readonly name: string;
  readonly mountPath: string;
}

/** Scratch folders on an otherwise read-only root. */
export function scratch(...dirs: readonly EmptyDir[]) {
  return {
    volumes: dirs.map(({ name }) => ({ name, emptyDir: {} })),
    volumeMounts: dirs.map(({ name, mountPath }) => ({ name, mountPath })),
  };
}

/**
 * Variables from Secrets. The operator's own setting names one that a namespace may lack; a pod that a user gave a Secret
 * by name waits until it is there, and its condition says so.
 */
export function credentialsFrom(optional: string | undefined, required?: string) {
  const sources = [
    ...(optional === undefined ? [] : [{ secretRef: { name: optional, optional: true } }]),
    ...(required === undefined ? [] : [{ secretRef: { name: required } }]),
  ];
  return sources.length === 0 ? {} : { envFrom: sources };
}

/** Only where there are some: an empty list would hide what the namespace's service account brings. */
export function pullSecrets(names: readonly string[]) {
  return names.length === 0 ? {} : { imagePullSecrets: names.map((name) => ({ name })) };
}
