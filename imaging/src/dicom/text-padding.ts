const NUL = 0;
const SPACE = 32;

/**
 * A text without the spaces and NULs that fill it up to an even length (PS3.5 6.2). Not by `/[\0 ]+$/`: that tries
 * anew at each of a long run of spaces, and 60 kB of them in front of a letter took seconds.
 */
export function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === SPACE || text.charCodeAt(end - 1) === NUL)) end -= 1;
  return text.slice(0, end);
}
