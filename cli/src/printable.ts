/**
 * A text from a file's name or header as a terminal may show it: control and format characters, which could move the
 * cursor, start a colour or break a line, each become the replacement character.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}
