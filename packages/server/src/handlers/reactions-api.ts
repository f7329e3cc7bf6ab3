// REST: reactions to a message, each a resource of its own.
import { emojiSchema, httpErrorSchema, messageParamsSchema } from '@maru/contract';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { newChangeOf } from './message-change.ts';

/** As `emojiSchema`, without its pattern in OpenAPI: a regular expression of JSON Schema knows no RGI_Emoji. */
const emojiParamSchema = z
  .string()
  .max(64)
  .refine((text) => emojiSchema.safeParse(text).success, 'must be one emoji')
  .describe('One emoji (Unicode RGI_Emoji), percent-encoded');

const reactionParamsSchema = messageParamsSchema.extend({ emoji: emojiParamSchema });

const PATH = '/api/rooms/:roomId/messages/:messageId/reactions/:emoji';

export function reactionsApi(api: Api, store: Store): void {
  const schema = {
    tags: ['messages'],
    params: reactionParamsSchema,
    response: {
      204: z.null(),
      400: httpErrorSchema,
      403: httpErrorSchema,
      404: httpErrorSchema,
      409: httpErrorSchema,
    },
  };
  type Request = FastifyRequest<{ Params: z.output<typeof reactionParamsSchema> }>;
  const react = (request: Request, remove: boolean) =>
    store.append([newChangeOf(callerOf(request), { kind: 'react', ...request.params, remove })]);

  api.put(
    PATH,
    { schema: { ...schema, summary: 'React; the same as SEND /pub/react/message' } },
    async (request, reply) => {
      await react(request, false);
      return reply.code(204).send(null);
    },
  );

  api.delete(
    PATH,
    { schema: { ...schema, summary: 'Take a reaction of the caller away' } },
    async (request, reply) => {
      await react(request, true);
      return reply.code(204).send(null);
    },
  );
}
