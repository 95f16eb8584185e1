import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { baseImage } from '../tools/base-image.ts';
import { buildImage, type BuiltImage } from '../images/build.ts';
import { cluster, type Cluster } from './cluster.ts';

const wait = { timeout: 20_000, interval: 200 };

describe('a control plane', () => {
  let first: Cluster;
  let second: Cluster;

  beforeAll(async () => {
    [first, second] = await Promise.all([cluster.up('control'), cluster.up('control')]);
  });

  afterAll(async () => {
    await Promise.all([first?.down(), second?.down()]);
  });

  it('establishes a CRD and answers for its objects, with its rules and its defaults', async () => {
    await first.kubectl(['apply', '-f', '-'], { input: widgetCrd });
    await first.kubectl(['wait', '--for=condition=Established', 'crd/widgets.hilum.test', '--timeout=20s']);
    await first.kubectl(['apply', '-f', '-'], { input: widget('small', 3) });
    const size = await first.kubectl([
      'get',
      'widget',
      'small',
      '-o',
      'jsonpath={.spec.size}/{.spec.colour}',
    ]);
    expect(size).toBe('3/grey');
    await expect(first.kubectl(['apply', '-f', '-'], { input: widget('large', 30) })).rejects.toThrow(
      'a widget is at most 9',
    );
  });

  it('has a neighbour of its own: what is in one is not in the other', async () => {
    const [one, two] = await Promise.all([first.kubectl(['get', 'crd']), second.kubectl(['get', 'crd'])]);
    expect(one).toContain('widgets.hilum.test');
    expect(two).not.toContain('widgets.hilum.test');
  });

  it('runs a command inside its network, where the API has its own address', async () => {
    const { code, stdout } = await first.exec(['curl', '-sk', 'https://10.99.0.1:6443/version']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ gitVersion: 'v1.34.4' });
  });
});

describe('controllers without a node', () => {
  it('make the pods of a Deployment and collect them when it goes', async () => {
    const it = await cluster.up('kcm');
    try {
      await it.kubectl(['create', 'deployment', 'web', '--image=localhost/none:1', '--replicas=2']);
      await vi.waitFor(async () => expect(await names(it, 'pods')).toHaveLength(2), wait);
      await it.kubectl(['delete', 'deployment', 'web']);
      await vi.waitFor(async () => expect(await names(it, 'pods')).toEqual([]), wait);
    } finally {
      await it.down();
    }
  });
});

describe('a node', () => {
  let node: Cluster;

  beforeAll(async () => {
    node = await cluster.up('node', { addons: true });
  });

  afterAll(async () => {
    await node?.down();
  });

  it('runs a pod of an image built here, resolves a service and answers through expose', async () => {
    const image = await webImage();
    await node.load(image.tar);
    await node.kubectl(['apply', '-f', '-'], { input: web(image.ref) });
    await node.kubectl(['rollout', 'status', 'deployment/web', '--timeout=60s']);
    const address = await node.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
    const exposed = await node.expose('web.default.svc:80');
    // The pod answers with what the cluster's DNS said for the name of its own service. On any cluster a Service leads
    // to its pods some moments after they are ready, when kube-proxy has heard of them.
    const text = await vi.waitFor(async () => (await fetch(exposed.url)).text(), {
      timeout: 30_000,
      interval: 100,
    });
    expect(text).toBe(`web.default.svc.cluster.local is ${address}`);
    await exposed.close();
    await expect(fetch(exposed.url)).rejects.toThrow('fetch failed');
  });

  it('reports what its pods use', { timeout: 90_000 }, async () => {
    await vi.waitFor(
      async () => {
        expect(await node.kubectl(['top', 'pods', '--namespace', 'kube-system'])).toMatch(
          /coredns-\S+\s+\d+m\s+\d+Mi/,
        );
      },
      { timeout: 75_000, interval: 500 },
    );
  });

  it('takes a release of helm', async () => {
    expect(await node.helm(['list', '--all-namespaces', '--output', 'json'])).toBe('[]\n');
  });
});

async function names(it: Cluster, kind: string): Promise<readonly string[]> {
  return (await it.kubectl(['get', kind, '-o', 'name'])).split('\n').filter((line) => line !== '');
}

/** A web server that answers with what DNS says for the name of its own service. */
async function webImage(): Promise<BuiltImage> {
  const name = 'web.default.svc.cluster.local';
  const program = `
    const { lookup } = require('node:dns');
    require('node:http').createServer((_, answer) => {
      lookup('${name}', (error, address) => answer.end('${name} is ' + (address ?? error.code)));
    }).listen(8080);
  `;
  const entrypoint = JSON.stringify(['node', '-e', program]);
  const context = await mkdtemp(join(tmpdir(), 'hilum-web-'));
  try {
    const base = await baseImage('node');
    const dockerfile = join(context, 'Dockerfile');
    const text = `ARG BASE=node:24-bookworm-slim\nFROM \${BASE}\nUSER 65532:65532\nENTRYPOINT ${entrypoint}\n`;
    await writeFile(dockerfile, text);
    const tag = digest([text, base ?? '']);
    const args: Record<string, string> = base === undefined ? {} : { BASE: base };
    return await buildImage({ name: 'hilum/web-fixture', tag, context, dockerfile, args });
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('')).digest('hex').slice(0, 10);
}

const widgetCrd = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.hilum.test' },
  spec: {
    group: 'hilum.test',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { size: { type: 'integer' }, colour: { type: 'string', default: 'grey' } },
                'x-kubernetes-validations': [{ rule: 'self.size <= 9', message: 'a widget is at most 9' }],
              },
            },
          },
        },
      },
    ],
  },
});

function widget(name: string, size: number): string {
  return JSON.stringify({ apiVersion: 'hilum.test/v1', kind: 'Widget', metadata: { name }, spec: { size } });
}

function web(image: string): string {
  const labels = { app: 'web' };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: 'web', image, readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 } },
          ],
        },
      },
    },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  };
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [deployment, service] });
}
