/** Health, metrics and the pages that say what there is. */
import type { Routes } from './context.ts';
import { PROBLEM_TYPE, ServerError, problemOf } from './errors.ts';
import { routeSchemas } from './openapi.ts';

export const operateRoutes: Routes = (app, { model, selfReport, metrics, registry, noteCode }) => {
  app.get('/v2/health/live', { schema: routeSchemas.live }, async () => ({ live: true }));
  app.get('/v2/health/ready', { schema: routeSchemas.ready }, async (request, reply) => {
    const { state } = model;
    if (state.code === 'READY' && state.model !== undefined) {
      const { name, version, info } = state.model;
      const answer = { ready: true, model: { name, version, digest: info.digest } };
      return selfReport.differed === 0 ? answer : { ...answer, selfCheck: selfReport };
    }
    noteCode(request, 'MODEL_NOT_READY');
    const problem = problemOf(new ServerError('MODEL_NOT_READY', state.message), request.id);
    const { code: reason, progress } = state;
    return reply
      .code(503)
      .type(PROBLEM_TYPE)
      .send({ ...problem, ready: false, reason, progress });
  });
  app.get('/metrics', { schema: routeSchemas.metrics }, async (_request, reply) => {
    metrics.setModel(model.state.code === 'READY' ? model.state.model : undefined);
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
};
