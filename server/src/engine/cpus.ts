/** How many cores this process may use: what the machine has, less what its cgroup grants. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * At least 1; a share of a core counts as none, since threads beyond the grant are stopped in the middle of a batch.
 *
 * @param read gives a file's text; throws where there is none
 */
export function grantedCpus(
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
  machine: number = availableParallelism(),
): number {
  const limits = [unified(read), legacy(read)].filter((limit) => limit !== undefined);
  return Math.max(1, Math.floor(Math.min(machine, ...limits)));
}

/** cgroup v2: the limit of a group and of all above it hold. A container sees its own group as the root. */
function unified(read: (path: string) => string): number | undefined {
  const group = attempt(() => /^0::(.*)$/m.exec(read('/proc/self/cgroup'))?.[1]);
  const folders = (group ?? '/').split('/').filter((part) => part !== '' && part !== '..');
  const paths = Array.from({ length: folders.length + 1 }, (_, depth) =>
    ['/sys/fs/cgroup', ...folders.slice(0, depth), 'cpu.max'].join('/'),
  );
  const limits = paths.flatMap((path) => {
    const [quota, period] = (attempt(() => read(path)) ?? '').trim().split(/\s+/).map(Number);
    return ratio(quota, period) ?? [];
  });
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** cgroup v1, where a quota of -1 is none. */
function legacy(read: (path: string) => string): number | undefined {
  const [quota, period] = ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) =>
    Number(attempt(() => read(`/sys/fs/cgroup/cpu/${name}`)) ?? Number.NaN),
  );
  return ratio(quota, period);
}

function ratio(quota = Number.NaN, period = Number.NaN): number | undefined {
  return quota > 0 && period > 0 ? quota / period : undefined;
}

function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch {
    return undefined; // another kind of cgroup, or none
  }
}
