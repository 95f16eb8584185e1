/** Answers per CPU-second of every server, a bar each. */
import { compile, type TopLevelSpec } from 'vega-lite';
import * as vega from 'vega';
import { type BenchResult, answersPerCpuSecond } from './figures.ts';

/** Okabe and Ito's blue and grey. */
const COLOURS = { ours: '#0072B2', peers: '#999999' };

export async function rateSvg({ rows, further, names }: BenchResult): Promise<string> {
  const values = [...new Set([...further, ...rows].map(({ peer }) => peer))]
    .map((peer) => ({
      server: names[peer] ?? peer,
      rate: answersPerCpuSecond(peer === 'hilum' || !peer.startsWith('hilum') ? rows : further, peer, 'png'),
      side: peer.startsWith('hilum') ? 'ours' : 'peers',
    }))
    .filter(({ rate }) => rate !== undefined)
    .toSorted((a, b) => (b.rate ?? 0) - (a.rate ?? 0));
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    title: {
      text: 'Answers per CPU-second, PNG slices, sixteen clients',
      subtitle: [
        'VGG16; 224 px and float32 where nothing else is said.',
        'Research use only, not for diagnosis.',
      ],
      anchor: 'start',
      offset: 12,
    },
    config: { view: { stroke: null }, axis: { gridColor: '#E5E7EB' } },
    data: { values },
    width: 460,
    encoding: {
      y: {
        field: 'server',
        type: 'nominal',
        sort: values.map(({ server }) => server),
        title: null,
        axis: { labelLimit: 340 },
      },
      x: { field: 'rate', type: 'quantitative', title: 'answers per second of the server\u2019s CPU time' },
    },
    layer: [
      {
        mark: { type: 'bar' },
        encoding: {
          color: {
            field: 'side',
            type: 'nominal',
            scale: { domain: ['ours', 'peers'], range: [COLOURS.ours, COLOURS.peers] },
            legend: null,
          },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 4 },
        encoding: { text: { field: 'rate', type: 'quantitative', format: '.2f' } },
      },
    ],
  } satisfies TopLevelSpec;
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
