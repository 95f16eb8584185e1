// JPEG moves the channels of a grey picture apart by a few levels; 16 of 255 is a colour that is seen.
const SEEN = 16;

/**
 * The share of pixels, 0..1, whose red, green and blue lie further apart than 16 of 255 levels. 0 for a picture without
 * colour channels. A pixel that is transparent is black.
 */
export function colourfulness(levels: Uint8Array | Uint16Array, channels: number, bits: 8 | 16): number {
  if (channels < 3) return 0;
  const step = bits === 16 ? 257 : 1;
  const limit = SEEN * step;
  const opaque = 255 * step;
  let coloured = 0;
  for (let at = 0; at < levels.length; at += channels) {
    const [red, green, blue] = [levels[at] ?? 0, levels[at + 1] ?? 0, levels[at + 2] ?? 0];
    const alpha = channels === 4 ? (levels[at + 3] ?? 0) : opaque;
    const apart = Math.max(red, green, blue) - Math.min(red, green, blue);
    if (apart * alpha > limit * opaque) coloured += 1;
  }
  return coloured / (levels.length / channels);
}
