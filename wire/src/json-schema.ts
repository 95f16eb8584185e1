import { z } from 'zod';

/** A zod schema as the JSON Schema that OpenAPI 3.1 takes. */
export function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'output' });
  return rest;
}
