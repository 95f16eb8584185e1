import { readFileSync } from 'node:fs';

/** Highest resident memory of this process by now: VmHWM, which unlike getrusage leaves out what the parent had. */
export function peakMiB(): number {
  const [, kib = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kib) / 1024;
}
