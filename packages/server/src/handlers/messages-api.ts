// REST: the messages of a room: history by seq, and sending without a socket.
import {
  httpErrorSchema,
  idempotencyKeySchema,
  listMessagesQuerySchema,
  messageCreatedSchema,
  messagePageSchema,
  postMessageSchema,
  roomParamsSchema,
} from '@maru/contract';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { requireMember } from './room-access.ts';
import { newMessageOf } from './send-message.ts';

export function messagesApi(api: Api, store: Store): void {
  api.get(
    '/api/rooms/:roomId/messages',
    {
      schema: {
        tags: ['messages'],
        summary: 'Messages ascending by seq: the newest page, or the page before or after a seq',
        params: roomParamsSchema,
        querystring: listMessagesQuerySchema,
        response: { 200: messagePageSchema, 403: httpErrorSchema, 404: httpErrorSchema },
      },
    },
    async (request) => {
      const { roomId } = request.params;
      await requireMember(store, callerOf(request), roomId);
      const { limit, ...bounds } = request.query;
      const page = await store.listMessages(roomId, bounds, limit);
      return { messages: [...page.messages], hasMore: page.hasMore };
    },
  );

  api.post(
    '/api/rooms/:roomId/messages',
    {
      schema: {
        tags: ['messages'],
        summary: 'The same as SEND /pub/send/message',
        params: roomParamsSchema,
        headers: z.object({ 'idempotency-key': idempotencyKeySchema.optional() }),
        body: postMessageSchema,
        response: {
          200: messageCreatedSchema.describe('This clientMessageId was stored before'),
          201: messageCreatedSchema,
          403: httpErrorSchema,
          404: httpErrorSchema,
        },
      },
    },
    async (request, reply) => {
      const { roomId } = request.params;
      const clientMessageId = request.body.clientMessageId ?? request.headers['idempotency-key'];
      const message = { ...request.body, roomId, clientMessageId };
      const { entry, duplicate } = await store.appendMessage(newMessageOf(callerOf(request), message));
      return reply.code(duplicate ? 200 : 201).send(entry);
    },
  );
}
