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

/** What is wrong, the gist first; a second sentence where it says more. */
export function reasonsOf(refusal: Refusal): readonly string[] {
  const own = OWN_WORDS[refusal.code];
  if (own !== undefined) return [own.reason];
  // What is wrong with this image before what the code means; of a server, the other way round.
  const said = [refusal.message, sentence(refusal.detail)].filter((text) => text !== '');
  return [...new Set(isOfImage(refusal) ? said.toReversed() : said)];
}

/** What to do now. */
export function adviceOf(refusal: Refusal): string {
  const own = OWN_WORDS[refusal.code];
  if (own !== undefined) return own.advice.replace('{then}', then(refusal));
  if (refusal.status === 0) return 'Check the connection to the server, then try again.';
  if (isOfImage(refusal)) return 'The model was not asked. Choose another image.';
  if (refusal.status < 500) return 'Tell whoever runs this server the code and the request id.';
  return `${then(refusal)} If it stays so, tell whoever runs this server the request id.`;
}

/** Where the server speaks to programmers. */
const OWN_WORDS: Readonly<Record<string, { readonly reason: string; readonly advice: string }>> = {
  QUEUE_FULL: { reason: 'The server is busy.', advice: 'Many images wait at this moment. {then}' },
  DEADLINE_UNREACHABLE: { reason: 'The server is busy.', advice: 'Many images wait at this moment. {then}' },
  DEADLINE_EXCEEDED: { reason: 'The server took too long.', advice: 'It is slow at this moment. {then}' },
  RATE_LIMITED: { reason: 'You have asked more often than you may.', advice: '{then}' },
  MODEL_NOT_READY: {
    reason: 'The model is not ready yet.',
    advice: 'The line at the top says where it is on its way. Try again when it is there.',
  },
  SHUTTING_DOWN: { reason: 'This server is going down.', advice: 'Another one takes over. {then}' },
  BODY_TOO_LARGE: {
    reason: 'This is more than the server takes at once.',
    advice: 'Send fewer slices, or a zip of them. Whoever runs this server can raise the limit.',
  },
  UNAUTHENTICATED: {
    reason: 'This server asks for a key.',
    advice: 'Enter the one that you were given. It is forgotten when this page is closed.',
  },
  FORBIDDEN: { reason: 'Your key does not allow this.', advice: 'Ask whoever gave it to you.' },
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

function then({ retryAfterSeconds }: Refusal): string {
  if (retryAfterSeconds === undefined) return 'Try again in a moment.';
  return `Try again in ${retryAfterSeconds === 1 ? 'a second' : `${retryAfterSeconds} seconds`}.`;
}

/** Details begin with a small letter: in a log they follow a colon. */
function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
