/**
 * From the JSON Schema that zod emits to the structural schema that a CRD takes.
 *
 * It throws on what has no structural form (unions, references, tuples) and on what we do not allow ourselves:
 * a field without description, a string, list or map without maximum, an integer without bounds.
 */

/** JSON Schema as zod emits it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const UNSUPPORTED = ['oneOf', 'allOf', 'not', '$ref', 'prefixItems', 'patternProperties'];
const KEPT = [
  'type',
  'description',
  'format',
  'default',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'nullable',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
];
const INT32_MAX = 2_147_483_647;

export function toStructural(node: JsonSchema, path = ''): JsonSchema {
  const refuse = (what: string): never => {
    throw new Error(`${path === '' ? '(root)' : path}: ${what}`);
  };
  for (const key of UNSUPPORTED) if (key in node) refuse(`${key} has no structural form`);
  if (typeof node['description'] !== 'string') refuse('needs a description');
  if (node['x-kubernetes-int-or-string'] === true) return intOrString(node);
  if ('anyOf' in node) refuse('anyOf has no structural form');

  const result: Record<string, unknown> = {};
  for (const key of KEPT) if (key in node) result[key] = node[key];
  switch (node['type']) {
    case 'object':
      Object.assign(result, objectParts(node, path, refuse));
      if ('default' in result) result['default'] = filled(result);
      break;
    case 'array':
      if (!('maxItems' in node)) refuse('a list needs maxItems');
      result['items'] = toStructural(node['items'] as JsonSchema, `${path}[]`);
      break;
    case 'string':
      if (!('maxLength' in node) && !('enum' in node)) refuse('a string needs maxLength');
      break;
    case 'integer':
      Object.assign(result, integerFormat(node));
      break;
    case 'boolean':
      break;
    default:
      refuse(`type ${String(node['type'])} is not allowed`);
  }
  return result;
}

function objectParts(node: JsonSchema, path: string, refuse: (what: string) => never): JsonSchema {
  const properties = node['properties'] as Record<string, JsonSchema> | undefined;
  if (properties === undefined) {
    if (!('maxProperties' in node)) refuse('a map needs maxProperties');
    return { additionalProperties: toStructural(node['additionalProperties'] as JsonSchema, `${path}{}`) };
  }
  // `additionalProperties: false` beside properties is illegal here; unknown fields are refused by field validation.
  return {
    ...('required' in node ? { required: node['required'] } : {}),
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, child]) => [name, toStructural(child, `${path}.${name}`)]),
    ),
  };
}

/**
 * An object's default with the defaults of its fields in it. The API server would fill those too, but it judges a
 * default by the CEL rules before that.
 */
function filled(node: JsonSchema): JsonSchema {
  const properties = (node['properties'] ?? {}) as Record<string, JsonSchema>;
  const inner = Object.entries(properties).flatMap(([name, child]) =>
    'default' in child ? [[name, child['default']] as const] : [],
  );
  return { ...Object.fromEntries(inner), ...(node['default'] as JsonSchema) };
}

function integerFormat(node: JsonSchema): JsonSchema {
  const maximum = node['maximum'] as number;
  // zod bounds a bare integer by what a double holds exactly; that is an int64 to Kubernetes.
  return { format: maximum > INT32_MAX ? 'int64' : 'int32' };
}

function intOrString(node: JsonSchema): JsonSchema {
  const choices = node['anyOf'] as readonly JsonSchema[];
  const text = choices.find((choice) => choice['type'] === 'string');
  return {
    description: node['description'],
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    ...(text !== undefined && 'pattern' in text ? { pattern: text['pattern'] } : {}),
    ...(text !== undefined && 'maxLength' in text ? { maxLength: text['maxLength'] } : {}),
  };
}
