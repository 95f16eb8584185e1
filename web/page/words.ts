/** What the codes of the server mean to the person in front of the page, and what to do. */
import type { Classification, Explanation } from '@hilum/wire';
import type { Refusal } from './api.ts';

/** Whether the image was judged unfit, rather than the server unable. */
export function isOfImage({ status }: Refusal): boolean {
  return status === 400 || status === 413 || status === 415 || status === 422;
}

export function mayBeRetried({ status }: Refusal): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** One sentence: what to do now. */
export function adviceOf(refusal: Refusal): string {
  const own = ADVICE[refusal.code];
  if (own !== undefined) return own(refusal);
  if (refusal.status === 0) return 'Check the connection to the server, then try again.';
  if (isOfImage(refusal)) return 'The model was not asked. Choose another image.';
  if (refusal.status >= 500)
    return `Try again${after(refusal)}. If it stays so, tell whoever runs this server the request id.`;
  return 'Tell whoever runs this server the code and the request id.';
}

const ADVICE: Readonly<Record<string, (refusal: Refusal) => string>> = {
  QUEUE_FULL: (refusal) => `Many images wait at this moment. Try again${after(refusal)}.`,
  DEADLINE_UNREACHABLE: (refusal) => `Many images wait at this moment. Try again${after(refusal)}.`,
  DEADLINE_EXCEEDED: () => 'The server is slow at this moment. Try again in a minute.',
  RATE_LIMITED: (refusal) => `You have asked more often than you may. Try again${after(refusal)}.`,
  MODEL_NOT_READY: () =>
    'The model is still on its way; the line at the top says when it is there. Then try again.',
  SHUTTING_DOWN: () => 'This server is going down, another one takes over. Try again.',
  BODY_TOO_LARGE: () => 'Send fewer slices, or a zip of them. Whoever runs this server can raise the limit.',
  MULTIPART_INVALID: () => 'This server takes one image at a time.',
  UNAUTHENTICATED: () => 'Enter the API key that you were given. It is forgotten when this page is closed.',
  FORBIDDEN: () => 'Your key does not allow this. Ask whoever gave it to you.',
};

/** Why there is no heat map, in one sentence. */
export function noOverlay(refusal: Refusal): string {
  if (refusal.status === 404) return 'This server gives no heat maps.';
  if (refusal.code === 'FORBIDDEN') return 'Your key does not allow heat maps.';
  return `No heat map: ${refusal.detail === '' ? refusal.message : refusal.detail}`;
}

/** What a heat map shows, and what it does not. */
export function aboutMap({ label, layer, empty }: Explanation): string {
  if (empty) return `No place in this image speaks for “${label}”.`;
  return `What spoke for “${label}” in layer ${layer}: where the network looked, not where a tumour is.`;
}

/** The answer in one breath, for a screen reader. */
export function spoken(answer: Classification): string {
  const { label, probability, outcome, abstention, notice } = answer;
  if (outcome === 'abstained') return `The model abstains. ${abstention?.message ?? ''} ${notice}`;
  return `${label}, ${percent(probability)}. ${calledOf(answer)} ${notice}`;
}

export function calledOf({ positive, outcome }: Classification): string {
  if (positive.called === null) return 'The model has no operating point, so nothing is called.';
  if (outcome === 'abstained') {
    const side = positive.called ? 'at or above' : 'below';
    return `Nothing is called: the model abstains. Its score is ${side} the operating point.`;
  }
  if (positive.called) return `Called ${positive.label}: at or above the operating point.`;
  return `Not called ${positive.label}: below the operating point.`;
}

/** Never 0 or 100: a model is not certain. */
export function percent(probability: number): string {
  if (probability > 0.999) return '> 99.9 %';
  if (probability < 0.001) return '< 0.1 %';
  return `${(probability * 100).toFixed(1)} %`;
}

function after({ retryAfterSeconds }: Refusal): string {
  if (retryAfterSeconds === undefined) return ' in a moment';
  return retryAfterSeconds === 1 ? ' in a second' : ` in ${retryAfterSeconds} seconds`;
}
