// REST: the messages of a room: history by seq, sending without a socket, editing, deleting.
import {
  chatMessageSchema,
  httpErrorSchema,
  idempotencyKeySchema,
  listMessagesQuerySchema,
  MaruError,
  messageCreatedSchema,
  messagePageSchema,
  messageParamsSchema,
  patchMessageSchema,
  postMessageSchema,
  roomParamsSchema,
} from '@maru/contract';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { newChangeOf } from './message-change.ts';
import { requireMember } from './room-access.ts';
import { newMessageOf } from './send-message.ts';

const REFUSED = { 400: httpErrorSchema, 403: httpErrorSchema, 404: httpErrorSchema };

export function messagesApi(api: Api, store: Store): void {
  api.get(
    '/api/rooms/:roomId/messages',
    {
      schema: {
        tags: ['messages'],
        summary: 'Messages ascending by seq: the newest page, or the page before or after a seq',
        params: roomParamsSchema,
        querystring: listMessagesQuerySchema,
        response: { 200: messagePageSchema, ...REFUSED },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { roomId } = request.params;
      await requireMember(store, caller, roomId);
      const { limit, ...bounds } = request.query;
      const page = await store.listMessages(roomId, caller.userId, bounds, limit);
      return { ...page, messages: [...page.messages] };
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
          ...REFUSED,
        },
      },
    },
    async (request, reply) => {
      const { roomId } = request.params;
      const clientMessageId = sameId(request.body.clientMessageId, request.headers['idempotency-key']);
      const message = { ...request.body, roomId, clientMessageId };
      const { entry, duplicate } = await store.appendMessage(newMessageOf(callerOf(request), message));
      return reply.code(duplicate ? 200 : 201).send(entry);
    },
  );

  api.patch(
    '/api/rooms/:roomId/messages/:messageId',
    {
      schema: {
        tags: ['messages'],
        summary: 'Edit a message of the caller; the same as SEND /pub/edit/message',
        params: messageParamsSchema,
        body: patchMessageSchema,
        response: { 200: chatMessageSchema.describe('As it is now'), ...REFUSED },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { roomId, messageId } = request.params;
      await store.append([newChangeOf(caller, { kind: 'edit', roomId, messageId, ...request.body })]);
      const message = await store.findMessage(roomId, messageId, caller.userId);
      // Its room is gone since.
      if (message === null) throw new MaruError('message-not-found');
      return message;
    },
  );

  api.delete(
    '/api/rooms/:roomId/messages/:messageId',
    {
      schema: {
        tags: ['messages'],
        summary:
          'Delete a message of the caller, or as an owner anyone’s; the same as SEND /pub/delete/message',
        params: messageParamsSchema,
        response: { 204: z.null(), ...REFUSED },
      },
    },
    async (request, reply) => {
      await store.append([newChangeOf(callerOf(request), { kind: 'delete', ...request.params })]);
      return reply.code(204).send(null);
    },
  );
}

/** A header and a field for one thing. @throws MaruError `invalid-request` where they don't agree */
function sameId(field: string | undefined, header: string | undefined): string | undefined {
  if (field !== undefined && header !== undefined && field !== header) {
    throw new MaruError('invalid-request', { message: 'Idempotency-Key and clientMessageId differ' });
  }
  return field ?? header;
}
