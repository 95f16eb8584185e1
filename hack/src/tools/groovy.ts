/** Groovy, the language of a Jenkinsfile, to execute ours in a test: two jars from Maven Central, by Maven. */
import { join } from 'node:path';
import { ensureTool, verifySha256 } from '../cache.ts';
import { run } from '../run.ts';

const VERSION = '4.0.33';
const JARS = {
  groovy: '5240a9151289115e4d447d6b6d4cb9ac8a9fc6374e079714dfeeffda42323be8',
  'groovy-json': '8ce2d5074e930ca16ca2e0af96eff87e406cc9d1a0fe3107f0193ed4e7a69582',
} as const;

/** @returns a Java class path that holds `groovy.ui.GroovyMain` */
export async function groovyClasspath(): Promise<string> {
  for (const [command, debian] of [
    ['java', 'default-jre-headless'],
    ['mvn', 'maven'],
  ] as const) {
    const found = await run(command, ['-version'], { allowFailure: true }).catch(() => undefined);
    if (found?.code !== 0)
      throw new Error(`${command} is missing; install it, on Debian: apt-get install ${debian}`);
  }
  const dir = await ensureTool({
    name: 'groovy',
    version: VERSION,
    cost: '8 MB download',
    make: async (scratch) => {
      for (const [name, sha256] of Object.entries(JARS)) {
        const artifact = `org.apache.groovy:${name}:${VERSION}`;
        await run('mvn', [
          '-q',
          '-B',
          'dependency:copy',
          `-Dartifact=${artifact}`,
          `-DoutputDirectory=${scratch}`,
        ]);
        await verifySha256(join(scratch, `${name}-${VERSION}.jar`), sha256);
      }
    },
  });
  return Object.keys(JARS)
    .map((name) => join(dir, `${name}-${VERSION}.jar`))
    .join(':');
}
