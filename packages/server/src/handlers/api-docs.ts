// OpenAPI of the REST calls, made from their schemas, and a page to browse it.
import swagger from '@fastify/swagger';
import reference from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';

export const DOCS_PATH = '/api/docs';
export const OPENAPI_PATH = '/api/openapi.json';

export async function documentApi(api: FastifyInstance, publicUrl: string): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Maru chat service',
        version: '1',
        description: 'Rooms, members and history. Messages go live over STOMP at /chat.',
      },
      servers: [{ url: publicUrl }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
  });
  api.get(OPENAPI_PATH, { schema: { hide: true } }, () => api.swagger());
  await api.register(reference, {
    routePrefix: DOCS_PATH,
    // Everything the page needs comes from here: it also works where the network ends at this host.
    configuration: { url: OPENAPI_PATH, withDefaultFonts: false, telemetry: false },
  });
}
