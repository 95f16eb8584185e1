/** The chart against a real API server: what it renders, installs, upgrades and leaves behind. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cluster, helmPath, kubectlPath, run, type Cluster } from '@hilum/hack';
import { LEASE_RULES, OPERATOR_RULES } from '@hilum/operator';

const chart = join(import.meta.dirname, '../charts/hilum');
const digest = `sha256:${'a'.repeat(64)}`;
/** As long as Helm lets it be. */
const longName = `r${'-long'.repeat(10)}er`;

const renders = {
  'the defaults': ['hilum'],
  'with MLflow': ['hilum', '--set=mlflow.enabled=true,mlflow.persistence.enabled=true'],
  'with two watched namespaces': ['hilum', '--set=watchNamespaces={team-a,team-b},mlflow.enabled=true'],
  'with three operators, pull secrets and a long name': [
    longName,
    '--set=operator.replicas=3,imagePullSecrets[0].name=registry-key,mlflow.enabled=true',
  ],
  'with users picked by the platform': [
    'hilum',
    '--set=operator.podSecurityContext.runAsUser=null,operator.podSecurityContext.runAsGroup=null',
  ],
} as const;

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: unknown;
  readonly spec?: { readonly template?: { readonly metadata: object; readonly spec: PodSpec } };
}
interface PodSpec {
  readonly containers: ReadonlyArray<{
    readonly image: string;
    readonly args?: readonly string[];
    readonly env?: ReadonlyArray<{ readonly name: string; readonly value?: string }>;
  }>;
}

describe('the chart', () => {
  let api: Cluster;
  let helm: string;
  let scratch: string;
  let kubeVersion: string;

  const render = async (...args: readonly string[]): Promise<string> =>
    (await run(helm, ['template', ...withChart(args), '-n', 'render', `--kube-version=${kubeVersion}`]))
      .stdout;
  /** What the API server would keep of it; throws where it refuses anything. */
  const accepted = async (...args: readonly string[]): Promise<readonly Manifest[]> => {
    const input = await render(...args);
    const dryRun = ['apply', '--dry-run=server', '--validate=strict', '-o', 'json', '-f', '-'];
    return (JSON.parse(await api.kubectl(dryRun, { input })) as { items: Manifest[] }).items;
  };
  const install = (from: string, ...args: readonly string[]): Promise<string> =>
    api.helm(['upgrade', '--install', 'hilum', from, '-n', 'hilum', '--create-namespace', ...args]);
  const crds = async (): Promise<string[]> =>
    (await api.kubectl(['get', 'crd', '-o', 'name']))
      .split('\n')
      .filter((name) => name.includes('hilum.dev'));
  const dryRunOf = (manifest: object, namespace: string): Promise<string> =>
    api.kubectl(['create', '-n', namespace, '--dry-run=server', '--validate=strict', '-f', '-'], {
      input: JSON.stringify(manifest),
    });

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hilum-chart-'));
    [api, helm] = await Promise.all([cluster.up('control'), helmPath()]);
    kubeVersion = (JSON.parse(await api.kubectl(['get', '--raw', '/version'])) as { gitVersion: string })
      .gitVersion;
    for (const name of ['render', 'team-a', 'team-b']) await api.kubectl(['create', 'namespace', name]);
    await api.kubectl(['label', 'namespace', 'render', 'pod-security.kubernetes.io/enforce=restricted']);
    // What the chart says nothing of goes where Helm would put it.
    await api.kubectl(['config', 'set-context', '--current', '--namespace=render']);
    // Accounts are made by a controller, or by an install; this cluster has no controller, and a dry run installs nothing.
    for (const name of ['default', 'hilum-operator', `${longName.slice(0, 40)}-operator`]) {
      await api.kubectl(['create', 'serviceaccount', '-n', 'render', name]);
    }
  });

  afterAll(async () => {
    await api?.down();
    await rm(scratch, { recursive: true, force: true });
  });

  it('is linted', async () => {
    const { stdout } = await run(helm, ['lint', '--strict', chart]);
    expect(stdout).toContain('1 chart(s) linted, 0 chart(s) failed');
  });

  it.each([
    ['operatr.replicas=2', /operatr/],
    ['operator.image.digset=x', /digset/],
    ['operator.image.digest=sha256:short', /digest/],
    ['imagePullSecrets[0]=registry-key', /imagePullSecrets/],
  ])('refuses the value %s', async (value, message) => {
    await expect(render('hilum', `--set=${value}`)).rejects.toThrow(message);
  });

  it('adds a field of the CRD at an upgrade', async () => {
    const previous = await chartWithout(scratch, 'pollSeconds');
    const manifest = {
      apiVersion: 'hilum.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name: 'slow' },
      spec: { model: { name: 'lung', alias: 'champion', pollSeconds: 60 } },
    };
    await install(previous);
    await eventually(() => expect(dryRunOf(manifest, 'hilum')).rejects.toThrow(/unknown field.*pollSeconds/));
    await install(chart);
    await eventually(() => expect(dryRunOf(manifest, 'hilum')).resolves.toContain('slow'));
  });

  it('prints notes whose commands run', async () => {
    const notes = await install(chart, '--set=watchNamespaces={team-a,team-b},mlflow.enabled=true');
    const commands = notes.slice(notes.indexOf('kubectl apply'));
    const [apply = ''] = /^kubectl apply[^]*?^EOF$/m.exec(commands) ?? [];
    const path = `${dirname(await kubectlPath())}${delimiter}${process.env['PATH']}`;
    const shell = async (command: string): Promise<string> =>
      (
        await run('bash', ['-euc', command], {
          env: { KUBECONFIG: api.kubeconfig, KUBECACHEDIR: join(scratch, 'discovery'), PATH: path },
        })
      ).stdout;
    expect(await shell(apply.replace('apply', 'apply --dry-run=server --validate=strict'))).toBe(
      'modeldeployment.hilum.dev/lung created (server dry run)\n',
    );
    const others = commands.match(/^kubectl (?!apply).*$/gm) ?? [];
    expect(others.map((line) => line.split(' ')[1])).toEqual(['get', 'explain', 'delete', 'delete']);
    for (const line of others) await shell(line);
  });

  describe.each(Object.entries(renders))('%s', (_, args) => {
    it('is accepted by the API server, and its pods pass Pod Security "restricted"', async () => {
      const objects = await accepted(...args);
      const templates = objects.flatMap(({ spec }) => (spec?.template === undefined ? [] : [spec.template]));
      expect(templates).toHaveLength(objects.filter(({ kind }) => kind === 'Deployment').length);
      for (const { metadata, spec } of templates) {
        const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'bare' }, spec };
        expect(await dryRunOf(pod, 'render')).toContain('pod/bare created');
      }
    });
  });

  it('would be told of a pod that does not pass', async () => {
    const spec = { containers: [{ name: 'main', image: 'x' }] };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bare' }, spec };
    await expect(dryRunOf(pod, 'render')).rejects.toThrow(/violates PodSecurity "restricted/);
  });

  it('gives the operator its rules and no more, cluster-wide', async () => {
    const objects = await accepted('hilum', '--set=aggregatedRoles=false');
    expect(rulesOf(objects)).toEqual({
      'ClusterRole hilum-operator': OPERATOR_RULES,
      'Role render/hilum-operator-leader': LEASE_RULES,
    });
  });

  it('gives the operator its rules and no more, in the namespaces that it watches', async () => {
    const objects = await accepted('hilum', '--set=watchNamespaces={team-a,team-b}');
    expect(rulesOf(objects)).toEqual({
      'Role team-a/hilum-operator': OPERATOR_RULES,
      'Role team-b/hilum-operator': OPERATOR_RULES,
      'Role render/hilum-operator-leader': LEASE_RULES,
    });
    expect(objects.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
  });

  it('takes an image by its digest before its tag, and hands on the names of pull secrets', async () => {
    const images = ['operator', 'trainer', 'server', 'mlflow'].flatMap((name) => [
      `--set=${name}.image.tag=v9,${name}.image.digest=${name === 'server' ? '' : digest}`,
    ]);
    images.push(`--set=trainer.gpuImage.repository=gpu,trainer.gpuImage.digest=${digest}`);
    const secrets = '--set=imagePullSecrets[0].name=registry-key,imagePullSecrets[1].name=mirror-key';
    const objects = await accepted('hilum', '--set=mlflow.enabled=true', ...images, secrets);
    expect(containerOf(objects, 'hilum-operator').image).toBe(`ghcr.io/hilum-dev/operator@${digest}`);
    expect(containerOf(objects, 'hilum-mlflow').image).toBe(`ghcr.io/hilum-dev/mlflow@${digest}`);
    expect(environmentOf(objects)).toMatchObject({
      HILUM_TRAINER_IMAGE: `ghcr.io/hilum-dev/trainer@${digest}`,
      HILUM_SERVER_IMAGE: 'ghcr.io/hilum-dev/server:v9',
      HILUM_TRAINER_GPU_IMAGE: `gpu@${digest}`,
      HILUM_IMAGE_PULL_SECRETS: 'registry-key,mirror-key',
    });
  });

  it('brings MLflow unless one is named, and refuses to install without any', async () => {
    expect(await render('hilum')).toContain('name: hilum-mlflow');
    const named = await render('hilum', '--set=tracking.uri=https://mlflow.example.org');
    expect(named).not.toContain('name: hilum-mlflow');
    expect(named).toContain('value: "https://mlflow.example.org"');
    await expect(render('hilum', '--set=mlflow.enabled=false')).rejects.toThrow(/set tracking.uri to yours/);
  });

  it('lists its images for Artifact Hub as they are', async () => {
    const objects = await accepted('hilum', '--set=mlflow.enabled=true');
    const environment = Object.entries(environmentOf(objects));
    const images = [
      ...['hilum-operator', 'hilum-mlflow'].map((name) => containerOf(objects, name).image),
      ...environment.flatMap(([name, value]) => (name.endsWith('_IMAGE') ? [value] : [])),
    ];
    const { stdout } = await run(helm, ['show', 'chart', chart]);
    const listed = [...stdout.matchAll(/ image: (.*)/g)].map(([, image]) => image);
    expect(new Set(listed)).toEqual(new Set(images));
  });

  it.each(['hilum', longName])(
    'runs an MLflow that answers to every name in use for it: %s',
    async (name) => {
      const values = [name, '--set=mlflow.enabled=true,mlflow.allowedHosts={mlflow.example.org}'];
      const objects = await accepted(...values);
      const service = objects.find(
        ({ kind, metadata }) => kind === 'Service' && metadata.name.endsWith('mlflow'),
      );
      const mlflow = service?.metadata.name ?? '';
      const allowed = (containerOf(objects, mlflow).args ?? []).flatMap((arg) =>
        arg.startsWith('--allowed-hosts=') ? arg.slice(16).split(',') : [],
      );
      const inUse = (await render(...values)).matchAll(/https?:\/\/([\w.:-]*mlflow[\w.:-]*)/g);
      const hosts = [...inUse].map(([, host = '']) => host);
      expect(hosts).toContain(new URL(environmentOf(objects)['HILUM_MLFLOW_URI'] ?? '').host);
      for (const suffix of ['', '.render', '.render.svc', '.render.svc.cluster.local']) {
        hosts.push(`${mlflow}${suffix}:5000`);
      }
      hosts.push('localhost:15000', '127.0.0.1:15000', 'mlflow.example.org');
      const refused = hosts.filter(
        (host) => !allowed.includes(host) && !allowed.includes(host.replace(/:\d+$/, ':*')),
      );
      expect(refused).toEqual([]);
      expect(allowed).not.toContain('*');
    },
  );

  it('leaves the CRDs at an uninstall, or takes them along, as crds.keep says', async () => {
    await install(chart);
    await api.helm(['uninstall', 'hilum', '-n', 'hilum']);
    expect(await crds()).toHaveLength(2);
    await install(chart, '--set=crds.keep=false');
    await api.helm(['uninstall', 'hilum', '-n', 'hilum']);
    await eventually(async () => expect(await crds()).toEqual([]));
  });
});

function withChart([name = '', ...args]: readonly string[]): string[] {
  return [name, chart, ...args];
}

/** A copy of the chart as it was before a field came. */
async function chartWithout(scratch: string, field: string): Promise<string> {
  const previous = join(scratch, 'previous');
  await cp(chart, previous, { recursive: true });
  const file = join(previous, 'files/crds/modeldeployments.hilum.dev.yaml');
  const crd = await readFile(file, 'utf8');
  const without = crd.replace(new RegExp(`^( +)${field}:\\n(?:\\1 +.*\\n)+`, 'm'), '');
  expect(without.split('\n').length).toBeLessThan(crd.split('\n').length);
  expect(without).not.toContain(field);
  await writeFile(file, without);
  return previous;
}

/** The rules of each role, by kind and name. */
function rulesOf(objects: readonly Manifest[]): Record<string, unknown> {
  const roles = objects.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
  return Object.fromEntries(
    roles.map(({ kind, metadata, rules }) => [
      `${kind} ${[metadata.namespace, metadata.name].filter((part) => part !== undefined).join('/')}`,
      rules,
    ]),
  );
}

function containerOf(objects: readonly Manifest[], deployment: string) {
  const found = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === deployment);
  const [container] = found?.spec?.template?.spec.containers ?? [];
  if (container === undefined) throw new Error(`no Deployment ${deployment}`);
  return container;
}

/** Of the operator's container. */
function environmentOf(objects: readonly Manifest[]): Record<string, string | undefined> {
  const operator = objects.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith('operator'),
  );
  const { env = [] } = containerOf(objects, operator?.metadata.name ?? '');
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

/** A CRD reaches the handlers of its objects, and leaves them, some moments after its write. */
async function eventually(check: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      await check();
      return;
    } catch (cause) {
      if (performance.now() > deadline) throw cause;
    }
    await sleep(200);
  }
}
