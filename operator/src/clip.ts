/** The text, with its end left out where it is longer than the CRD allows; others' messages have no bound. */
export function clip(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}
