import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PackageError } from '../errors.ts';
import { FILES, type PackageInfo } from '../package/metadata.ts';
import { PIXEL_STATISTICS } from '../pixels/statistics.ts';
import { STAGES } from '../vgg16.ts';

/** Neighbouring features: the averages or maxima of one layer's maps, channel by channel, or statistics of the image. */
export interface FeaturePart {
  readonly kind: 'average' | 'maximum' | 'pixels';
  /** Whose maps; `pixels` for the statistics. */
  readonly layer: string;
  readonly length: number;
  /** The layer of the network that makes them. */
  readonly name: string;
}

/** How a packaged network goes from its maps to its answer, by the names of layers, and where its weights lie. */
export interface Topology {
  readonly layer: string;
  readonly notShown: readonly string[];
  readonly parts: readonly FeaturePart[];
  readonly inputSize: number;
  readonly channels: number;
  readonly side: number;
  readonly stride: number;
  readonly views: 1 | 4;
  readonly normaliser: string | undefined;
  /** From the features to the logits. */
  readonly dense: readonly string[];
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly offset: number }>;
}

/** @throws PackageError NOT_EXPLAINABLE, PACKAGE_INVALID, PACKAGE_INCOMPLETE */
export async function readTopology(info: PackageInfo): Promise<Topology> {
  const file = await readModel(info);
  const graph = graphOf(file.modelTopology.config);
  const { dense, normaliser, features } = headOf(graph);
  const parts = partsOf(graph, features);
  const layers = [...new Set(parts.filter(({ kind }) => kind !== 'pixels').map(({ layer }) => layer))];
  const deepest = layers.toSorted((a, b) => stageOf(b).depth - stageOf(a).depth)[0];
  if (deepest === undefined) {
    throw notExplainable('its answer is made of statistics of the image alone, and has no map to show');
  }
  const { channels, stride } = stageOf(deepest);
  const { inputSize } = info.contract;
  return {
    layer: deepest,
    notShown: [...new Set(parts.map(({ layer }) => layer))].filter((layer) => layer !== deepest),
    parts,
    inputSize,
    channels,
    side: Math.floor(inputSize / stride), // each pool drops an odd row
    stride,
    views: [...graph.values()].some(({ class_name: kind }) => kind === 'MirroredViews') ? 4 : 1,
    normaliser,
    dense,
    weights: weightsOf(file.weightsManifest),
  };
}

const layerSchema = z.object({
  class_name: z.string(),
  name: z.string(),
  config: z.object({ activation: z.string().optional() }),
  inbound_nodes: z.array(z.array(z.tuple([z.string()], z.unknown()))),
});

const configSchema = z.object({
  layers: z.array(layerSchema),
  output_layers: z.array(z.tuple([z.string()], z.unknown())),
});

const modelSchema = z.object({
  modelTopology: z.object({ config: configSchema }),
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string()),
      weights: z.array(
        z.object({ name: z.string(), shape: z.array(z.int().nonnegative()), dtype: z.literal('float32') }),
      ),
    }),
  ),
});

type Layer = z.infer<typeof layerSchema>;
/** Layers by name; the output under ''. */
type Graph = ReadonlyMap<string, Layer>;

async function readModel({ dir }: PackageInfo): Promise<z.infer<typeof modelSchema>> {
  const text = await readFile(join(dir, FILES.tfjs), 'utf8').catch((cause: unknown) => {
    throw new PackageError('PACKAGE_INCOMPLETE', `${FILES.tfjs} cannot be read`, { cause });
  });
  const parsed = modelSchema.safeParse(fromJson(text));
  if (parsed.success) return parsed.data;
  // A network of other layers than ours, such as a sequential one, has another form here.
  throw notExplainable(`its ${FILES.tfjs} has not the form of ours`, parsed.error);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new PackageError('PACKAGE_INVALID', `${FILES.tfjs} is not JSON`, { cause });
  }
}

function graphOf({ layers, output_layers: outputs }: z.infer<typeof configSchema>): Graph {
  const graph = new Map(layers.map((layer) => [layer.name, layer] as const));
  const output = graph.get(outputs[0]?.[0] ?? '');
  return output === undefined ? graph : graph.set('', output);
}

/** From the softmax back to the features. */
function headOf(graph: Graph): { dense: string[]; normaliser: string | undefined; features: Layer } {
  const softmax = layerOf(graph, '');
  const dense: Layer[] = [];
  let at = onlySource(graph, softmax);
  while (at.class_name === 'Dense') {
    dense.unshift(at);
    at = onlySource(graph, at);
  }
  const activations = [...dense, softmax].map(({ config }) => config.activation).join(' ');
  if (!/^(relu )*linear softmax$/.test(activations)) {
    throw notExplainable(`its head is not one of ours but ${activations}`);
  }
  const names = dense.map(({ name }) => name);
  if (at.class_name !== 'PiecewiseLinear') return { dense: names, normaliser: undefined, features: at };
  return { dense: names, normaliser: at.name, features: onlySource(graph, at) };
}

function partsOf(graph: Graph, layer: Layer): FeaturePart[] {
  switch (layer.class_name) {
    case 'Concatenate':
      return sourcesOf(graph, layer).flatMap((source) => partsOf(graph, source));
    case 'MeanOverViews':
      return partsOf(graph, onlySource(graph, layer));
    case 'MeanOfMap':
    case 'GlobalAveragePooling2D':
      return [pooled('average', onlySource(graph, layer), layer)];
    case 'GlobalMaxPooling2D':
      return [pooled('maximum', onlySource(graph, layer), layer)];
    case 'PixelStatistics':
      return [{ kind: 'pixels', layer: 'pixels', length: PIXEL_STATISTICS.length, name: layer.name }];
    default:
      throw notExplainable(`the features of its head come from a ${layer.class_name}`);
  }
}

function pooled(kind: 'average' | 'maximum', source: Layer, { name }: Layer): FeaturePart {
  return { kind, layer: source.name, length: stageOf(source.name).channels, name };
}

function stageOf(name: string): {
  readonly depth: number;
  readonly channels: number;
  readonly stride: number;
} {
  const depth = STAGES.findIndex((stage) => stage.name === name);
  const stage = STAGES[depth];
  if (stage === undefined) throw notExplainable(`VGG16 has no layer ${name}`);
  const pools = STAGES.slice(0, depth + 1).filter(({ kind }) => kind === 'pool').length;
  return { depth, channels: stage.channels, stride: 2 ** pools };
}

function onlySource(graph: Graph, layer: Layer): Layer {
  const [source, ...more] = sourcesOf(graph, layer);
  if (source === undefined || more.length > 0) throw notExplainable(`${layer.name} has not one input`);
  return source;
}

function sourcesOf(graph: Graph, { inbound_nodes: nodes }: Layer): Layer[] {
  return nodes.flat().map(([name]) => layerOf(graph, name));
}

function layerOf(graph: Graph, name: string): Layer {
  const layer = graph.get(name);
  if (layer === undefined) throw notExplainable(`its ${FILES.tfjs} lists no layer "${name}"`);
  return layer;
}

function weightsOf(manifest: z.infer<typeof modelSchema>['weightsManifest']): Topology['weights'] {
  let offset = 0;
  const entries = manifest
    .flatMap(({ weights }) => weights)
    .map(({ name, shape }) => {
      const at = offset;
      offset += 4 * shape.reduce((product, size) => product * size, 1);
      return [name, { shape, offset: at }] as const;
    });
  return new Map(entries);
}

function notExplainable(why: string, cause?: unknown): PackageError {
  return new PackageError('NOT_EXPLAINABLE', `this model cannot be explained by Grad-CAM: ${why}`, { cause });
}
