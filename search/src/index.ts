export { suggest, type Algorithm, type SuggestRequest, type Suggestion } from './suggest.ts';
export {
  promotion,
  rungs,
  shouldStop,
  type AshaRule,
  type MedianRule,
  type Promotion,
  type StopDecision,
  type StopRequest,
} from './early-stopping.ts';
export { bestTrial, type Direction, type Measurement, type Trial } from './history.ts';
export {
  checkSpace,
  type ChoiceParameter,
  type NumberParameter,
  type Parameter,
  type Parameters,
  type Space,
  type Value,
} from './space.ts';
export { MAX_GRID_POINTS } from './grid.ts';
export { SEARCH_CODES, SearchError, type SearchCode } from './errors.ts';
