/** One question of the suite, and what a server answered to it. */

export interface Check {
  readonly id: string;
  /** What a conforming server does. */
  readonly says: string;
  /** Where that is written. */
  readonly clause: string;
  /** Throws Miss where the server does something else, Skip where the question does not arise. */
  readonly ask: () => Promise<void>;
}

export interface Finding {
  readonly id: string;
  readonly says: string;
  readonly clause: string;
  readonly result: 'pass' | 'fail' | 'skip';
  /** What was seen instead, or why it was not asked. */
  readonly why: string;
}

/** The server does not do what the clause says. */
export class Miss extends Error {
  override readonly name = 'Miss';
}

/** The question does not arise for this server. */
export class Skip extends Error {
  override readonly name = 'Skip';
}

export function expectThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Miss(otherwise);
}

/** One after the other: a server that is slow must not be judged by its queue. */
export async function findings(checks: readonly Check[]): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const { id, says, clause, ask } of checks) {
    const { result, why } = await resultOf(ask);
    found.push({ id, says, clause, result, why });
  }
  return found;
}

async function resultOf(ask: () => Promise<void>): Promise<Pick<Finding, 'result' | 'why'>> {
  try {
    await ask();
    return { result: 'pass', why: '' };
  } catch (error) {
    const why = error instanceof Error ? reasonOf(error) : String(error);
    return { result: error instanceof Skip ? 'skip' : 'fail', why };
  }
}

function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? `${message}: ${cause.message}` : message;
}
