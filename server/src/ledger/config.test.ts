import { describe, expect, it } from 'vitest';
import { readConfig } from '../config.ts';

const read = (env: Record<string, string>) => readConfig({ HILUM_MODEL_URI: '/model', ...env });

describe('the settings of the ledger', () => {
  it('are none without a folder, and safe with one', () => {
    expect(read({ HILUM_LEDGER_SYNC: 'second' }).ledger).toBeUndefined();
    expect(read({ HILUM_LEDGER_DIR: '/ledger' }).ledger).toEqual({
      dir: '/ledger',
      sync: 'each',
      maxFileBytes: 67_108_864,
    });
  });

  it('say what is wrong with them', () => {
    expect(() => read({ HILUM_LEDGER_SYNC: 'never' })).toThrow('HILUM_LEDGER_SYNC: each or second');
    expect(() => read({ HILUM_LEDGER_MAX_BYTES: '12' })).toThrow('HILUM_LEDGER_MAX_BYTES: a whole number');
  });
});

describe('telemetry', () => {
  it('is on where there is somewhere to send it, unless it is told otherwise', () => {
    const at = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    expect([read({}), read(at), read({ HILUM_OTEL: 'on' })].map((config) => config.telemetry)).toEqual([
      false,
      true,
      true,
    ]);
    expect(read({ ...at, HILUM_OTEL: 'off' }).telemetry).toBe(false);
  });
});
