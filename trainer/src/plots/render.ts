/** A Vega-Lite specification → SVG, the same bytes for the same specification. */
import type { TopLevelSpec } from 'vega-lite';

/**
 * Without a canvas: widths of texts are estimated, which is the same on every machine.
 *
 * Vega is loaded here only, as a run needs it once, at its end.
 */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const [{ compile }, vega] = await Promise.all([import('vega-lite'), import('vega')]);
  const { parse, View, Error: errorsOnly, resetSVGDefIds } = vega;
  // Exported, but not among its types. Its own estimate is 0.8 em a character, which leaves a third of a plot empty.
  const { textMetrics } = vega as unknown as { readonly textMetrics: { width: typeof widthOf } };
  textMetrics.width = widthOf;
  // Vega writes into the rows that it is given; a figure must not change because it was drawn.
  const view = new View(parse(compile(structuredClone(spec)).spec), {
    renderer: 'none',
    logLevel: errorsOnly,
  });
  try {
    // Its numbers for clip paths and gradients go on from plot to plot.
    resetSVGDefIds();
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}

interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: number | string;
}

/** In pixels: a little more than DejaVu Sans takes, which is the widest font that is common. */
function widthOf({ fontSize = 11, fontWeight }: TextItem, text: unknown): number {
  const bold = Number(fontWeight) >= 600 || fontWeight === 'bold' ? 1.1 : 1;
  const characters = typeof text === 'string' || typeof text === 'number' ? Array.from(String(text)) : [];
  const ems = characters.reduce((sum, character) => sum + emsOf(character), 0);
  return Math.ceil(ems * fontSize * bold);
}

function emsOf(character: string): number {
  if (/[ijltfrI.,:;'|!()[\] ]/.test(character)) return 0.39;
  if (/[mwMW%@→−+α]/.test(character)) return 0.95;
  return /[A-Z]/.test(character) ? 0.72 : 0.62;
}
