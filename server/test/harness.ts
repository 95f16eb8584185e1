/** An app around one real engine: the model of the tests, under whatever contract and gate a test asks for. */
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type App, buildApp } from '../src/app.ts';
import type { Limits } from '../src/config.ts';
import type { Engine } from '../src/engine/engine.ts';
import type { Ledger } from '../src/ledger/ledger.ts';
import type { ModelHandle } from '../src/model.ts';
import type { ModelState, ServedModel } from '../src/readiness.ts';
import { LIMITS } from './fixtures.ts';

export interface Harness extends App {
  readonly registry: Registry;
  /** All that was logged. */
  readonly logged: () => string;
  readonly setState: (state: ModelState) => void;
  readonly close: () => Promise<void>;
}

export interface HarnessOptions {
  readonly engine: Engine;
  readonly model: ServedModel;
  readonly limits?: Partial<Limits>;
  /** Awaited before each inference. */
  readonly gate?: () => Promise<void>;
  readonly page?: boolean;
  readonly ledger?: Ledger;
}

export async function harness({
  engine,
  model,
  limits,
  gate,
  page,
  ledger,
}: HarnessOptions): Promise<Harness> {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  let state: ModelState = { code: 'READY', message: 'ready', model };
  const handle: ModelHandle = {
    get state() {
      return state;
    },
    infer: async (batch, n, options) => {
      await gate?.();
      return engine.infer(batch, n, options);
    },
  };
  const registry = new Registry();
  const logger = pino({ level: 'trace' }, sink);
  const built = await buildApp({
    model: handle,
    limits: { ...LIMITS, ...limits },
    logger,
    registry,
    page: page ?? false,
    ledger,
  });
  return {
    ...built,
    registry,
    logged: () => lines.join(''),
    setState: (next) => {
      state = next;
    },
    close: async () => built.app.close(),
  };
}
