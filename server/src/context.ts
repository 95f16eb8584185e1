/** What the routes of all protocols share. */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Access } from './access/access.ts';
import type { Limits } from './config.ts';
import type { Gate } from './gate.ts';
import type { Entrance } from './http/admission.ts';
import type { SelfReport } from './batching/self-check.ts';
import type { Metrics } from './metrics.ts';
import type { ModelHandle } from './model.ts';
import type { Tracer } from './observe/span.ts';
import type { NoteCode, Outcomes } from './outcome.ts';

export interface ServerContext {
  readonly model: ModelHandle;
  readonly gate: Gate;
  /** For protocols beside HTTP; HTTP's own requests are let in before any route sees them. */
  readonly access: Access;
  readonly entrance: Entrance;
  readonly limits: Limits;
  /** Of images that were computed again alone. */
  readonly selfReport: SelfReport;
  readonly metrics: Metrics;
  readonly registry: Registry;
  /** The code of an answer that is not OK and did not come from an error. */
  readonly noteCode: NoteCode;
  /** Adds to the line that is logged when the request ends: no result, nothing of a header, no name. */
  readonly noteFacts: Outcomes['noteFacts'];
  /** For protocols beside HTTP; HTTP's own requests are traced already. */
  readonly tracer: Tracer;
  /** Whether people find a page at `/`. */
  readonly page: boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The wall clock: for what is dated, never for a duration. */
  readonly date: () => Date;
}

/** Adds the routes of one protocol or page. */
export type Routes = (app: FastifyInstance, context: ServerContext) => void | Promise<void>;
