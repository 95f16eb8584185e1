import { defineConfig } from 'vitest/config';

const rooms = [
  'crds',
  'search',
  'imaging',
  'model',
  'mlflow',
  'store',
  'wire',
  'trainer',
  'web',
  'server',
  'client',
  'operator',
  'cli',
  'hack',
  'test',
  'bench',
];

export default defineConfig({
  test: {
    reporters: ['default', './hack/src/summary-reporter.ts'],
    // Forks: TensorFlow's addon and sharp are native and not safe to load in several threads of one process.
    pool: 'forks',
    maxWorkers: 2,
    projects: rooms.map((room) => ({
      extends: true as const,
      test: {
        name: room,
        include: [`${room}/**/*.test.ts`],
        testTimeout: 60_000,
        hookTimeout: 180_000,
        // What crosses rooms shares one cluster and the machine's two cores: one file at a time, last.
        ...(room === 'test' ? { fileParallelism: false, sequence: { groupOrder: 1 } } : {}),
      },
    })),
  },
});
