/** The Jenkinsfile is executed: every stage, with a real registry and a real Kubernetes API at its end. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cluster, groovyClasspath, run, startRegistry, type Cluster, type RunResult } from '@hilum/hack';

const root = resolve(import.meta.dirname, '..');

interface Step {
  readonly stage?: string;
  readonly status?: string;
  readonly step?: string;
  readonly script?: string;
}

interface Context {
  readonly branch: string;
  readonly params?: Record<string, unknown>;
  readonly env?: Record<string, string>;
}

let classpath: string;
let work: string;

beforeAll(async () => {
  classpath = await groovyClasspath();
  work = await mkdtemp(join(tmpdir(), 'hilum-jenkins-'));
});

afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

/** Runs a Jenkinsfile; `npm` is a stand-in for the words named, which would run this very suite again. */
async function execute(
  jenkinsfile: string,
  context: Context & { credentials?: unknown },
  standIn: readonly string[],
): Promise<{ result: RunResult; steps: readonly Step[]; npm: readonly string[] }> {
  const log = join(work, 'npm.log');
  await writeFile(log, '');
  const npm = (await run('bash', ['-c', 'command -v npm'])).stdout.trim();
  const shim = `#!/bin/sh\necho "$*" >> ${log}\ncase "$*" in ${standIn.map((words) => `"${words}"`).join('|')}) exit 0;; esac\nexec ${npm} "$@"\n`;
  await writeFile(join(work, 'npm'), shim);
  await chmod(join(work, 'npm'), 0o755);
  const contextFile = join(work, 'context.json');
  const reportFile = join(work, 'report.json');
  await rm(reportFile, { force: true });
  const env = { ...context.env, PATH: `${work}:${process.env['PATH']}` };
  await writeFile(contextFile, JSON.stringify({ ...context, env }));
  const harness = join(root, 'test/jenkins/Harness.groovy');
  const result = await run(
    'java',
    ['-cp', classpath, 'groovy.ui.GroovyMain', harness, jenkinsfile, contextFile, reportFile],
    { cwd: root, allowFailure: true, timeoutMs: 900_000 },
  );
  const report = await readFile(reportFile, 'utf8').catch(() => '[]');
  const calls = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
  return { result, steps: JSON.parse(report) as Step[], npm: calls };
}

const everyCall = ['ci', 'run check', 'test', 'run images'];

describe('the Jenkinsfile', () => {
  it('checks, tests and builds on a branch, and neither pushes nor deploys', async () => {
    const { result, steps, npm } = await execute(join(root, 'Jenkinsfile'), { branch: 'feature' }, everyCall);
    expect(result.code, result.stderr).toBe(0);
    expect(npm).toEqual(everyCall);
    const skipped = steps.filter((step) => step.status === 'skipped').map((step) => step.stage);
    expect(skipped).toEqual(['Push', 'Deploy']);
  });

  it('stops at the first stage that fails and says which', async () => {
    const broken = join(work, 'Jenkinsfile');
    const text = await readFile(join(root, 'Jenkinsfile'), 'utf8');
    await writeFile(broken, text.replace("sh 'npm run check'", "sh 'exit 7'"));
    const { result, steps, npm } = await execute(broken, { branch: 'main' }, everyCall);
    expect(result.code).toBe(1);
    expect(npm).toEqual(['ci']);
    expect(steps).toContainEqual({ stage: 'Check', status: 'failed' });
  });

  it.each([
    ['stages {', 'stagess {'],
    ["sh 'npm ci'", "shell 'npm ci'"],
    ["agent { label 'hilum' }", ''],
  ])('is refused by the harness when %j is written as %j', async (good, bad) => {
    const broken = join(work, 'Jenkinsfile');
    const text = await readFile(join(root, 'Jenkinsfile'), 'utf8');
    expect(text).toContain(good);
    await writeFile(broken, text.replace(good, bad));
    const { result } = await execute(broken, { branch: 'main' }, everyCall);
    expect(result.code).toBe(2);
  });

  describe('on main, with a registry and a cluster', () => {
    let api: Cluster;
    let registry: Awaited<ReturnType<typeof startRegistry>>;

    beforeAll(async () => {
      api = await cluster.up('control');
      registry = await startRegistry({ username: 'AWS', password: 'a-token-that-nobody-may-print' });
    });

    afterAll(async () => {
      await registry?.stop();
      await api?.down();
    });

    it(
      'pushes the images and installs the chart with exactly their digests',
      { timeout: 900_000 },
      async () => {
        const { result, steps } = await execute(
          join(root, 'Jenkinsfile'),
          {
            branch: 'main',
            params: { REGISTRY: `${registry.host}/team`, DEPLOY: true, NAMESPACE: 'hilum', WAIT: false },
            credentials: {
              'hilum-registry': { username: 'AWS', password: 'a-token-that-nobody-may-print' },
              'hilum-kubeconfig': { file: api.kubeconfig },
            },
          },
          ['ci', 'run check', 'test'],
        );
        expect(result.code, result.stderr.slice(-2000)).toBe(0);
        expect(steps.filter((step) => step.status === 'passed').map((step) => step.stage)).toEqual([
          'Install',
          'Check',
          'Test',
          'Images',
          'Push',
          'Deploy',
        ]);
        expect(result.stdout + result.stderr).not.toContain('a-token-that-nobody-may-print');

        const pushed = JSON.parse(await readFile(join(root, 'out/images.json'), 'utf8')) as Record<
          string,
          { repository: string; digest: string }
        >;
        const deployment = await api.kubectl([
          '-n',
          'hilum',
          'get',
          'deployment',
          'hilum-operator',
          '-o',
          'json',
        ]);
        const { operator, trainer, server } = pushed;
        expect(operator?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
        for (const image of [operator, trainer, server]) {
          expect(deployment).toContain(`${registry.host}/team/`);
          expect(deployment).toContain(`${image?.repository}@${image?.digest}`);
        }
        // The registry holds what the chart names.
        const auth = `Basic ${Buffer.from('AWS:a-token-that-nobody-may-print').toString('base64')}`;
        const path = `${operator?.repository.slice(registry.host.length + 1)}/manifests/${operator?.digest}`;
        const manifest = await fetch(`http://${registry.host}/v2/${path}`, {
          headers: {
            authorization: auth,
            accept:
              'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json',
          },
        });
        expect(manifest.status).toBe(200);
      },
    );
  });
});
