/** A port for a server of the tests. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** The wanted port or any; throws when it is taken, as whoever has it might answer our health check. */
export async function freePort(who: string, host: string, wanted = 0): Promise<number> {
  const probe = createServer().listen(wanted, host);
  await once(probe, 'listening').catch((cause: unknown) => {
    throw new Error(`${who} cannot listen on ${host}:${wanted}; is something else there?`, { cause });
  });
  const address = probe.address();
  const closed = once(probe, 'close');
  probe.close();
  await closed;
  if (address === null || typeof address === 'string') throw new Error('the probe socket has no port');
  return address.port;
}
