/**
 * The least that the operator may do, as rules of a ClusterRole (or of a Role in each watched namespace).
 *
 * The chart writes these rules, and the operator's own tests run under them. No Secret is among them, and no rule
 * has a wildcard.
 */

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const WATCH = ['get', 'list', 'watch'] as const;
/** Server-side apply is a patch, and a create where the object is new. */
const APPLY = ['create', 'patch'] as const;

/** In every namespace that is watched. */
export const OPERATOR_RULES: readonly PolicyRule[] = [
  // Finalizers are metadata of the run itself.
  { apiGroups: ['hilum.dev'], resources: ['trainingruns'], verbs: [...WATCH, 'patch'] },
  { apiGroups: ['hilum.dev'], resources: ['modeldeployments'], verbs: [...WATCH] },
  {
    apiGroups: ['hilum.dev'],
    resources: ['trainingruns/status', 'modeldeployments/status'],
    verbs: ['patch'],
  },
  // Asked for by clusters that enforce owner permission where a child blocks the deletion of its owner.
  {
    apiGroups: ['hilum.dev'],
    resources: ['trainingruns/finalizers', 'modeldeployments/finalizers'],
    verbs: ['update'],
  },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: [...WATCH, ...APPLY, 'delete'] },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: [...WATCH, ...APPLY] },
  { apiGroups: [''], resources: ['services'], verbs: [...WATCH, ...APPLY] },
  {
    apiGroups: ['autoscaling'],
    resources: ['horizontalpodautoscalers'],
    verbs: [...WATCH, ...APPLY, 'delete'],
  },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: [...WATCH, ...APPLY, 'delete'] },
  { apiGroups: [''], resources: ['pods'], verbs: [...WATCH] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];

/** In the operator's own namespace. */
export const LEASE_RULES: readonly PolicyRule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
];
