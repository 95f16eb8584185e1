/** reporting.md: the items of CLAIM and TRIPOD+AI, as far as a run can answer them. Pure. */
import { RESEARCH_USE_ONLY } from '../evaluation.ts';
import type { Item, Run } from './answers.ts';
import { CLAIM_ITEMS } from './claim.ts';
import { table } from './markdown.ts';
import { TRIPOD_ITEMS } from './tripod.ts';

const FOR_THE_AUTHOR = '**Not answered by the run: the author must.**';

export function reportingSheet(run: Run): string {
  return `${[
    '# Reporting sheet',
    `**${RESEARCH_USE_ONLY}**`,
    'Filled from the facts of one run. Items are named in words of our own: read the guidelines themselves before submitting. An answer says what was done, not that it was enough.',
    section('CLAIM, 2024 update', 'https://doi.org/10.1148/ryai.240300', CLAIM_ITEMS, run),
    section('TRIPOD+AI', 'https://doi.org/10.1136/bmj-2023-078378', TRIPOD_ITEMS, run),
  ].join('\n\n')}\n`;
}

function section(title: string, link: string, items: readonly Item[], run: Run): string {
  const answers = items.map(({ answer }) => answer?.(run));
  const open = answers.filter((answer) => answer === undefined).length;
  const rows = items.map(({ number, topic }, at) => [number, topic, answers[at] ?? FOR_THE_AUTHOR]);
  return [
    `## ${title}`,
    `<${link}>. ${items.length - open} of ${items.length} answered by the run, ${open} left to the author.`,
    table(['item', 'about', 'answer'], rows),
  ].join('\n\n');
}
