/** Clients that ask and do not take their answer. */
import type { FastifyInstance } from 'fastify';

/**
 * An answer has as long to leave as a request has to arrive; then its connection is closed. Node has limits for slow
 * senders alone, and a few readers that stand still would keep the room of all requests, and their answers in memory.
 */
export function dropSlowReaders(app: FastifyInstance, withinMs: number): void {
  app.addHook('onSend', async (_request, { raw }) => {
    const late = setTimeout(() => {
      // The answer before it on its connection is not there yet.
      if (raw.socket === null) late.refresh();
      else raw.socket.destroy();
    }, withinMs);
    raw.once('close', () => clearTimeout(late));
  });
}
