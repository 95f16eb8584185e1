/** Names of what a ModelDeployment owns: all bear its own name, by which people and other services find them. */
import { MODEL_DEPLOYMENT_LABEL, type Owner } from '../labels.ts';

export const SERVICE_PORT = 80;
export const CONTAINER_PORT = 8080;

/** A CEL rule keeps the name of a ModelDeployment within what a Service may be called. */
export function childName(owner: Owner): string {
  return owner.name;
}

/** Fixed for the life of the Deployment: its selector cannot change. */
export function podSelector(owner: Owner): Record<string, string> {
  return { 'app.kubernetes.io/name': 'hilum-server', [MODEL_DEPLOYMENT_LABEL]: owner.name };
}

/** The address inside the cluster. */
export function serviceUrl(owner: Owner): string {
  return `http://${childName(owner)}.${owner.namespace}.svc`;
}
