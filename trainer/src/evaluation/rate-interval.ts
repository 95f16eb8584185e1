import { isDefined } from '../statistics/samples.ts';
import type { Rate } from './assessment.ts';

/** The interval of a rate that says most: by groups where these show a spread, else Wilson's. */
export function rateInterval({
  wilson,
  byGroup,
}: Rate): { readonly low: number; readonly high: number } | undefined {
  if (!isDefined(wilson)) return undefined;
  return isDefined(byGroup) && byGroup.low < byGroup.high ? byGroup : wilson;
}
