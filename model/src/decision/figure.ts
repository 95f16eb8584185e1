/** A figure that these samples do not have, and why; never NaN, which JSON, MLflow and a gate read each in their own way. */
export interface NotDefined {
  readonly notDefined: string;
}

/** Whether a figure has a value. */
export function isDefined<T>(figure: T | NotDefined): figure is T {
  return !(typeof figure === 'object' && figure !== null && 'notDefined' in figure);
}
