/** The words of a trace, without the library that sends it: that one is loaded only where somebody asks for traces. */

/** What may stand in a trace: nothing of a patient, a file or a header. */
type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Something that took time. All times are milliseconds of the server's monotonic clock. */
export interface Span {
  /** 32 hex digits; undefined where nothing is traced. */
  readonly traceId: string | undefined;
  /** A part of this one. */
  readonly child: (
    name: string,
    options?: { readonly atMs?: number; readonly attributes?: Attributes },
  ) => Span;
  readonly set: (attributes: Attributes) => void;
  /** @param code of the table of errors */
  readonly fail: (code: string) => void;
  /** Safe to repeat. */
  readonly end: (atMs?: number) => void;
}

/** The request's own span, which knows what became of it. */
export interface RequestSpan extends Span {
  readonly answered: (answer: Answer) => void;
}

interface Answer {
  /** As the router knows it, never the address that was called. */
  readonly route: string;
  /** Of HTTP, or of gRPC. */
  readonly status: number;
  /** OK or a code of the table of errors. */
  readonly code: string;
  readonly seconds: number;
}

/** A request, as any protocol has it. */
export interface Arrival {
  readonly method: string;
  readonly requestId: string;
  /** W3C Trace Context; anything else than a well-formed one begins a trace of its own. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

export interface Tracer {
  readonly arrive: (arrival: Arrival) => RequestSpan;
  /** Sends what is left. */
  readonly close: () => Promise<void>;
}

const nothing = (): void => undefined;

/** Where nothing is traced. */
export const NO_SPAN: RequestSpan = {
  traceId: undefined,
  child: () => NO_SPAN,
  set: nothing,
  fail: nothing,
  end: nothing,
  answered: nothing,
};

export const NO_TRACER: Tracer = { arrive: () => NO_SPAN, close: () => Promise.resolve() };
