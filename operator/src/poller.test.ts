import { describe, expect, it } from 'vitest';
import { createFakeClock, settle } from './kube/test/fake-clock.ts';
import { createPoller } from './poller.ts';

interface Pending {
  readonly question: string;
  readonly answer: (value: string) => void;
  readonly fail: (error: Error) => void;
}

/** A poller whose answers the test gives. */
function harness(parallel = 8) {
  const clock = createFakeClock();
  const asked: Pending[] = [];
  const woken: string[] = [];
  const poller = createPoller<string, string>({
    clock,
    parallel,
    signal: new AbortController().signal,
    onAnswer: (key) => woken.push(key),
    fetch: (question) =>
      new Promise((resolve, reject) => {
        asked.push({ question, answer: resolve, fail: reject });
      }),
  });
  return { clock, asked, woken, poller };
}

describe('a poller', () => {
  it('has nothing at first, and wakes the key when it has', async () => {
    const { asked, woken, poller } = harness();
    expect(poller.ask('k', 'q', 1000)).toBeUndefined();
    asked[0]?.answer('a');
    await settle();
    expect(woken).toEqual(['k']);
    expect(poller.ask('k', 'q', 1000)).toMatchObject({ value: 'a' });
  });

  it('asks no more often than it is told to, however often it is read', async () => {
    const { clock, asked, poller } = harness();
    poller.ask('k', 'q', 1000);
    asked[0]?.answer('a');
    await clock.advance(999);
    poller.ask('k', 'q', 1000);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    poller.ask('k', 'q', 1000);
    expect(asked).toHaveLength(2);
  });

  it('keeps the last good answer beside the error of a later attempt, and clears the error after', async () => {
    const { clock, asked, poller } = harness();
    poller.ask('k', 'q', 1000);
    asked[0]?.answer('a');
    await clock.advance(1000);
    poller.ask('k', 'q', 1000);
    asked[1]?.fail(new Error('away'));
    await settle();
    expect(poller.ask('k', 'q', 1000)).toMatchObject({ value: 'a', error: new Error('away') });
    await clock.advance(1000);
    poller.ask('k', 'q', 1000);
    asked[2]?.answer('b');
    await settle();
    expect(poller.ask('k', 'q', 1000)).toEqual({ value: 'b', error: undefined });
  });

  it('drops the answer to another question, also one that comes late', async () => {
    const { asked, woken, poller } = harness();
    poller.ask('k', 'old', 1000);
    expect(poller.ask('k', 'new', 1000)).toBeUndefined();
    asked[0]?.answer('answer to old');
    await settle();
    expect(woken).toEqual([]);
    asked[1]?.answer('answer to new');
    await settle();
    expect(poller.ask('k', 'new', 1000)).toMatchObject({ value: 'answer to new' });
  });

  it('does not bring a forgotten key back', async () => {
    const { asked, woken, poller } = harness();
    poller.ask('k', 'q', 1000);
    poller.forget('k');
    asked[0]?.answer('a');
    await settle();
    expect(woken).toEqual([]);
  });

  it('asks a bounded number of questions at a time', async () => {
    const { asked, poller } = harness(2);
    for (const key of ['a', 'b', 'c']) poller.ask(key, key, 1000);
    expect(asked.map(({ question }) => question)).toEqual(['a', 'b']);
    asked[0]?.fail(new Error('away'));
    await settle();
    expect(asked.map(({ question }) => question)).toEqual(['a', 'b', 'c']);
  });
});
