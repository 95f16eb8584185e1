/** Every way in which a search can be asked wrongly. All are mistakes of the caller; none is worth a retry. */
export const SEARCH_CODES = {
  SPACE_EMPTY: 'a space needs at least one parameter',
  NAME_INVALID: 'a parameter needs a name',
  NAME_DUPLICATE: 'two parameters have the same name',
  BOUNDS_INVALID: 'min and max must be finite, and min at most max',
  INT_NOT_WHOLE: 'min, max and step of an int must be whole numbers',
  LOG_NOT_POSITIVE: 'a logarithmic scale needs min above 0',
  STEP_INVALID: 'a step must be above 0, and goes with a linear scale',
  CHOICES_INVALID: 'a choice needs values, each of them once',
  GRID_CONTINUOUS: 'a grid needs a step, or a number of points, for every continuous parameter',
  GRID_TOO_LARGE: 'the grid has too many points',
  OPTION_INVALID: 'an option of the algorithm is out of its range',
  RULE_INVALID: 'the rule of early stopping contradicts itself',
  SEED_INVALID: 'a seed is a whole number from 0 to 4294967295',
  NUMBER_INVALID: 'a trial has a whole number from 0 on that no other trial has',
  PARAMETERS_OUTSIDE: 'a trial of the history has parameters that the space does not hold',
} as const satisfies Record<string, string>;

export type SearchCode = keyof typeof SEARCH_CODES;

/** An error that names its cause by a stable code; compare `code`, never the message. */
export class SearchError extends Error {
  readonly code: SearchCode;

  /** @param detail what is wrong with which parameter or trial, after the code's own text */
  constructor(code: SearchCode, detail?: string) {
    super(detail === undefined ? SEARCH_CODES[code] : `${SEARCH_CODES[code]}: ${detail}`);
    this.name = 'SearchError';
    this.code = code;
  }
}
