export { ENVIRONMENT } from './config.ts';
export { LEASE_RULES, OPERATOR_RULES, type PolicyRule } from './rbac.ts';
