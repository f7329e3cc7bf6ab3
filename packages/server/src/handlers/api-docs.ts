// OpenAPI of the REST calls, made from their schemas, and a page to browse it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { Counts } from '../telemetry/counts.ts';
import type { Logger } from '../telemetry/log.ts';
import { answerErrors } from './error-reply.ts';

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
}

export type DocsPage = {
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  close(): Promise<void>;
};

/** The page at DOCS_PATH. It is loaded when it is first asked for: a third of a second that starting up need not wait for. */
export function createDocsPage(counts: Counts, log: Logger): DocsPage {
  let opened: Promise<FastifyInstance> | null = null;
  return {
    handleRequest(req, res) {
      // One that failed is tried again with the next request.
      opened ??= openDocsPage(counts, log).catch((error: unknown) => {
        opened = null;
        throw error;
      });
      opened.then(
        (page) => page.routing(req, res),
        (error: unknown) => {
          log.error({ err: error }, 'the page of the API documentation failed');
          res.writeHead(500).end();
        },
      );
    },
    close: async () => (await opened?.catch(() => null))?.close(),
  };
}

async function openDocsPage(counts: Counts, log: Logger): Promise<FastifyInstance> {
  const { default: reference } = await import('@scalar/fastify-api-reference');
  const page: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: 'x-request-id',
  });
  answerErrors(page, counts);
  await page.register(reference, {
    routePrefix: DOCS_PATH,
    // Everything the page needs comes from here: it also works where the network ends at this host.
    configuration: { url: OPENAPI_PATH, withDefaultFonts: false, telemetry: false },
  });
  await page.ready();
  return page;
}
