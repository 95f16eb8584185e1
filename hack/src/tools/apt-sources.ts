/** Where this machine gets its Debian packages from: the base image takes the same mirrors. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

export const SUITE = 'bookworm';

/** Lines for the sources.list of a bookworm system; throws where apt here knows no mirror of Debian. */
export async function debianMirrors(folder = '/etc/apt'): Promise<{ mirror: string; sourcesList: string }> {
  const sources: AptSource[] = [];
  const parts = await readdir(join(folder, 'sources.list.d')).catch((): string[] => []);
  const files = ['sources.list', ...parts.toSorted().map((part) => join('sources.list.d', part))];
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8').catch(() => '');
    sources.push(...(file.endsWith('.sources') ? stanzas(text) : lines(text)));
  }
  const mirror =
    sources.find(({ suite }) => suite === SUITE) ?? sources.find(({ uri }) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) {
    throw new Error(
      `the base image is made from Debian ${SUITE}, and apt on this machine names no Debian mirror; start Docker instead`,
    );
  }
  const security = sources.find(
    ({ suite, uri }) => suite.endsWith('-security') && uri.includes('debian-security'),
  );
  const list = [`deb ${mirror.uri} ${SUITE} main`];
  if (security !== undefined) list.push(`deb ${security.uri} ${SUITE}-security main`);
  return { mirror: mirror.uri, sourcesList: `${list.join('\n')}\n` };
}

/** The one-line format of sources.list(5): `deb [options] uri suite component…`. */
function lines(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line.trim());
    return match === null ? [] : [{ uri: match[1] as string, suite: match[2] as string }];
  });
}

/** The deb822 format: stanzas of `Field: values`, apart by empty lines. */
function stanzas(text: string): AptSource[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const values = (field: string): string[] => {
        const match = new RegExp(`^${field}:\\s*(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza);
        return (match?.[1] ?? '').split(/\s+/).filter((word) => word !== '');
      };
      if (!values('Types').includes('deb')) return [];
      return values('URIs').flatMap((uri) => values('Suites').map((suite) => ({ uri, suite })));
    });
}
