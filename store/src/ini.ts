/** The dialect of INI that `.dvc/config` (Python's configobj) and AWS' shared credentials file have in common. */
import { StoreError } from './errors.ts';

/**
 * Sections by their name without quotes around it, keys in lower case. The packages for INI split a section's name at
 * its dots, which DVC's remotes may have.
 *
 * @param file for messages
 * @throws StoreError STORE_MALFORMED with the line's number; never its text, which may be a password
 */
export function parseIni(text: string, file: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const name = /^\[(.*)\]\s*(?:#.*)?$/.exec(line)?.[1];
    const pair = /^([^=]+?)\s*=\s*(.*)$/.exec(line);
    if (name !== undefined) {
      const key = unquote(name);
      section = sections.get(key) ?? new Map<string, string>();
      sections.set(key, section);
    } else if (pair !== null && section !== undefined) {
      const [, key = '', value = ''] = pair;
      section.set(key.toLowerCase(), unquote(value));
    } else {
      throw new StoreError(
        'STORE_MALFORMED',
        `${file}, line ${index + 1}: neither [section] nor key = value`,
      );
    }
  }
  return sections;
}

/** Without the quotes around it, or else without a comment behind it. */
function unquote(text: string): string {
  const quoted = /^(["'])(.*?)\1\s*(?:#.*)?$/.exec(text.trim());
  return quoted?.[2] ?? text.replace(/\s+#.*$/, '').trim();
}
