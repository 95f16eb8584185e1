/** What the API page says about access. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { AccessConfig } from './config.ts';
import { roleOf } from './guard.ts';

/** Adds what a client has to show, where anything; open routes say that they need nothing. */
export function describeAccess(
  options: FastifyDynamicSwaggerOptions,
  access: AccessConfig | undefined,
  metrics: 'open' | 'admin',
): FastifyDynamicSwaggerOptions {
  const schemes = schemesOf(access);
  const names = Object.keys(schemes);
  if (names.length === 0) return options;
  const security = names.map((name) => ({ [name]: [] }));
  // Versions of OpenAPI in one type, which do not mix.
  const components = { ...options.openapi?.components, securitySchemes: schemes };
  return {
    ...options,
    openapi: { ...options.openapi, security, components } as FastifyDynamicSwaggerOptions['openapi'],
    transform: ({ schema, url, route }) => {
      const isOpen = roleOf({ url, config: route.config }, metrics) === 'open';
      return { schema: isOpen ? { ...schema, security: [] } : schema, url };
    },
  };
}

function schemesOf(access: AccessConfig | undefined): Readonly<Record<string, object>> {
  return {
    ...(access?.keysFile !== undefined && {
      key: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'Or as a Bearer token.' },
      bearer: { type: 'http', scheme: 'bearer' },
    }),
    ...(access?.oidc !== undefined && {
      bearer: { type: 'http', scheme: 'bearer', description: `A token of ${access.oidc.issuer}` },
    }),
    ...(access?.certificates === true && {
      certificate: {
        type: 'mutualTLS',
        description: 'A certificate of the authority that the server names.',
      },
    }),
  };
}
