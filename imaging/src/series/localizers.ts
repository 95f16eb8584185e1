import { isAcross, placementOf } from './geometry.ts';
import type { Placement } from './geometry.ts';
import type { Frame, SeriesWarning } from './series.ts';

type Placed = { readonly frame: Frame; readonly placement: Placement };

const SCOUTS_MAX = 2;

/** By their own word (Image Type), or one or two that are cut across all the others: a frontal and a lateral scout. */
export function withoutLocalizers(all: readonly Frame[]): {
  readonly kept: readonly Frame[];
  readonly warnings: readonly SeriesWarning[];
} {
  const named = all.filter(({ facts }) => !facts.localizer);
  const across = loneAcross(named);
  const kept = named.filter((frame) => !across.has(frame));
  const dropped = all.filter((frame) => frame.facts.localizer || across.has(frame));
  if (dropped.length === 0 || kept.length === 0) return { kept, warnings: [] };
  const message =
    dropped.length === 1
      ? 'A localiser (scout) was left out.'
      : `${dropped.length} localisers (scouts) were left out.`;
  return {
    kept,
    warnings: [{ code: 'LOCALIZER_DROPPED', message, names: dropped.map(({ source }) => source.name) }],
  };
}

function loneAcross(frames: readonly Frame[]): ReadonlySet<Frame> {
  const placed = frames.flatMap((frame) => {
    const placement = placementOf(frame.facts);
    return placement === undefined ? [] : [{ frame, placement }];
  });
  // With two scouts at most, one of three slices that are each across the others belongs to the stack.
  let rest: readonly Placed[] = placed;
  for (let tries = 0; tries <= SCOUTS_MAX; tries += 1) {
    const [pivot] = rest;
    if (pivot === undefined) break;
    const across = placed.filter(({ placement }) => isAcross(placement, pivot.placement));
    if (across.length <= SCOUTS_MAX && across.length * 2 < placed.length) {
      return new Set(across.map(({ frame }) => frame));
    }
    rest = rest.filter(({ placement }) => isAcross(placement, pivot.placement));
  }
  return new Set();
}
