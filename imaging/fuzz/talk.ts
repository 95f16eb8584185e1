import { z } from 'zod';
import { FINDING_KINDS } from './notes.ts';

/** What the parent asks of a child. */
export const orderSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('case'), index: z.int() }),
  z.object({ kind: z.literal('end') }),
]);
export type Order = z.infer<typeof orderSchema>;

const findingSchema = z.object({
  kind: z.enum(FINDING_KINDS),
  call: z.string(),
  text: z.string(),
});

/** What a child tells the parent. */
export const reportSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), digest: z.string(), seeds: z.int(), real: z.int() }),
  z.object({
    kind: z.literal('done'),
    index: z.int(),
    from: z.string(),
    what: z.array(z.string()),
    length: z.int(),
    outcomes: z.array(z.string()),
    findings: z.array(findingSchema),
    slowest: z.object({ call: z.string(), wallMs: z.number(), cpuMs: z.number() }),
    /** The most that the process ever held. */
    rssPeakBytes: z.number(),
  }),
]);
export type Report = z.infer<typeof reportSchema>;
export type Done = Extract<Report, { readonly kind: 'done' }>;
