// The REST API of the chat service: Fastify, one schema per call for validation, types and OpenAPI.
import type { createServer, IncomingMessage, ServerResponse } from 'node:http';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { nanoid } from 'nanoid';
import type { People } from '../authorization/people.ts';
import type { Principal } from '../identity/principal.ts';
import type { Store } from '../store/store.ts';
import type { Counts } from '../telemetry/counts.ts';
import type { Logger } from '../telemetry/log.ts';
import { createDocsPage, DOCS_PATH, documentApi } from './api-docs.ts';
import { authenticateRequests } from './authenticate.ts';
import { directApi } from './direct-api.ts';
import { answerBadAddress, answerErrors } from './error-reply.ts';
import { membersApi } from './members-api.ts';
import { messagesApi } from './messages-api.ts';
import { peopleApi } from './people-api.ts';
import { reactionsApi } from './reactions-api.ts';
import { readingApi } from './reading-api.ts';
import { roomsApi } from './rooms-api.ts';
import { searchApi } from './search-api.ts';

export type ApiOptions = {
  readonly store: Store;
  readonly people: People;
  /** As the store does it, and tells whoever is to know of it. */
  readonly markRead: Store['markRead'];
  verify(token: string): Promise<Principal>;
  readonly publicUrl: string;
  readonly bodyOctets: number;
  readonly counts: Counts;
  readonly log: Logger;
};

/** Every plugin of the API gets Fastify in this dress. */
export type Api = FastifyInstance<
  ReturnType<typeof createServer>,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export type HttpApi = {
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  close(): Promise<void>;
};

const APIS = [peopleApi, roomsApi, membersApi, directApi, messagesApi, reactionsApi, searchApi];

export async function createApi(options: ApiOptions): Promise<HttpApi> {
  const api: Api = Fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyOctets,
    genReqId: () => nanoid(),
    requestIdHeader: 'x-request-id',
    routerOptions: { maxParamLength: 128 },
    frameworkErrors: answerBadAddress(options.counts),
  }).withTypeProvider<ZodTypeProvider>();
  api.setValidatorCompiler(validatorCompiler);
  api.setSerializerCompiler(serializerCompiler);
  answerErrors(api, options.counts);
  await documentApi(api, options.publicUrl);
  await api.register(async (guarded) => {
    authenticateRequests(guarded, options);
    for (const register of APIS) register(guarded as Api, options.store);
    readingApi(guarded as Api, options);
  });
  await api.ready();
  const docs = createDocsPage(options.counts, options.log);
  return {
    handleRequest(req, res) {
      if (isDocs(req.url)) docs.handleRequest(req, res);
      else api.routing(req, res);
    },
    close: async () => {
      await docs.close();
      await api.close();
    },
  };
}

function isDocs(url = ''): boolean {
  return url === DOCS_PATH || url.startsWith(`${DOCS_PATH}/`) || url.startsWith(`${DOCS_PATH}?`);
}
