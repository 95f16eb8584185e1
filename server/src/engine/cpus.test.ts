import { expect, it } from 'vitest';
import { grantedCpus } from './cpus.ts';

const machine = (files: Readonly<Record<string, string | undefined>>, cores = 8): number =>
  grantedCpus((path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return text;
  }, cores);

it.each([
  { what: 'no cgroup: what the machine has', files: {}, want: 8 },
  { what: 'v2 without a limit', files: { '/sys/fs/cgroup/cpu.max': 'max 100000\n' }, want: 8 },
  { what: 'v2, two cores', files: { '/sys/fs/cgroup/cpu.max': '200000 100000\n' }, want: 2 },
  { what: 'v2, a core and a half: one', files: { '/sys/fs/cgroup/cpu.max': '150000 100000\n' }, want: 1 },
  {
    what: 'v2, a tenth of a core: one all the same',
    files: { '/sys/fs/cgroup/cpu.max': '10000 100000' },
    want: 1,
  },
  { what: 'v2, more than there is', files: { '/sys/fs/cgroup/cpu.max': '6400000 100000' }, want: 8 },
  {
    what: 'v2, the limit of a group above',
    files: {
      '/proc/self/cgroup': '0::/kubepods/pod1/server\n',
      '/sys/fs/cgroup/kubepods/pod1/server/cpu.max': 'max 100000',
      '/sys/fs/cgroup/kubepods/pod1/cpu.max': '300000 100000',
    },
    want: 3,
  },
  {
    what: 'v1, four cores',
    files: {
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '400000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    want: 4,
  },
  {
    what: 'v1 without a limit',
    files: {
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    },
    want: 8,
  },
])('counts the cores of $what', ({ files, want }) => {
  expect(machine(files)).toBe(want);
});

it('reads this machine without being told how', () => {
  expect(grantedCpus()).toBeGreaterThanOrEqual(1);
});
