/** The two CustomResourceDefinitions, built from the schemas. */
import { z } from 'zod';
import { modelDeploymentSpecSchema, modelDeploymentStatusSchema } from './model-deployment.ts';
import { type JsonSchema, toStructural } from './structural.ts';
import { trainingRunSpecSchema, trainingRunStatusSchema } from './training-run.ts';

export const GROUP = 'hilum.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

interface Column {
  readonly name: string;
  readonly type: 'string' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1 shows only with `-o wide`. */
  readonly priority?: 1;
}

interface KindDefinition {
  readonly kind: string;
  readonly singular: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly columns: readonly Column[];
  /** What the name must be, as CEL over the whole object: names become label values, and names of children. */
  readonly nameRule: { readonly rule: string; readonly message: string };
  readonly scale?: JsonSchema;
}

const conditionColumn = (
  name: string,
  type: string,
  field: 'status' | 'reason' | 'message',
  description: string,
) => ({
  name,
  type: 'string' as const,
  jsonPath: `.status.conditions[?(@.type=="${type}")].${field}`,
  description,
});
const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since creation.',
};
const column = (name: string, jsonPath: string, description: string): Column => ({
  name,
  type: 'string',
  jsonPath,
  description,
});
const wide = (shown: Column): Column => ({ ...shown, priority: 1 });

const trainingRun: KindDefinition = {
  kind: 'TrainingRun',
  singular: 'trainingrun',
  plural: 'trainingruns',
  shortNames: ['tr'],
  description:
    'TrainingRun turns a pinned dataset of chest CT images into an evaluated, registered and aliased VGG16 classifier. ' +
    'Research use only, not for diagnosis.',
  spec: trainingRunSpecSchema,
  status: trainingRunStatusSchema,
  nameRule: {
    rule: 'self.metadata.name.size() <= 63',
    message: 'the name of a TrainingRun has at most 63 characters',
  },
  columns: [
    conditionColumn(
      'Succeeded',
      'Succeeded',
      'status',
      'Whether the run reached a registered model past its gate.',
    ),
    conditionColumn('Reason', 'Succeeded', 'reason', 'The cause of that, in a word.'),
    column('Epoch', '.status.progress.summary', 'Finished epochs.'),
    column('AUC', '.status.evaluation.summary', 'AUC-ROC on the test part.'),
    column('Model', '.status.model.summary', 'The registered version.'),
    age,
    wide(column('Run', '.status.tracking.runId', 'The MLflow run.')),
    wide(conditionColumn('Message', 'Succeeded', 'message', 'The cause in a sentence.')),
  ],
};

const modelDeployment: KindDefinition = {
  kind: 'ModelDeployment',
  singular: 'modeldeployment',
  plural: 'modeldeployments',
  shortNames: ['md'],
  description:
    'ModelDeployment serves a registered model over HTTP and keeps it on the version that an alias points at. ' +
    'Research use only, not for diagnosis.',
  spec: modelDeploymentSpecSchema,
  status: modelDeploymentStatusSchema,
  nameRule: {
    rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')",
    message:
      'the name of a ModelDeployment is also that of its Service: at most 63 of a-z, 0-9 and -, beginning with a letter',
  },
  columns: [
    conditionColumn('Ready', 'Ready', 'status', 'Whether the service answers with the resolved model.'),
    conditionColumn('Reason', 'Ready', 'reason', 'The cause of that, in a word.'),
    column('Model', '.status.model.summary', 'The version that the pods were told to serve.'),
    column('Pods', '.status.pods', 'Ready and wanted pods.'),
    age,
    wide(column('URL', '.status.url', 'Address inside the cluster.')),
    wide(conditionColumn('Message', 'Ready', 'message', 'The cause in a sentence.')),
  ],
  scale: {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
};

/** One CustomResourceDefinition as the API server takes it. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: JsonSchema;
}

export const customResourceDefinitions: readonly CustomResourceDefinition[] = [
  definitionOf(trainingRun),
  definitionOf(modelDeployment),
];

function definitionOf(kind: KindDefinition): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        singular: kind.singular,
        plural: kind.plural,
        shortNames: kind.shortNames,
        categories: ['hilum'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns,
          subresources: { status: {}, ...(kind.scale === undefined ? {} : { scale: kind.scale }) },
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

function rootSchema(kind: KindDefinition): JsonSchema {
  return {
    type: 'object',
    description: kind.description,
    required: ['spec'],
    'x-kubernetes-validations': [kind.nameRule],
    properties: {
      apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
      kind: { type: 'string', description: 'Kind of this object.' },
      metadata: { type: 'object' },
      spec: structural(kind.spec),
      status: structural(kind.status),
    },
  };
}

function structural(schema: z.ZodType): JsonSchema {
  return toStructural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }));
}
