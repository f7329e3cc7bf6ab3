// REST: members of a room: list, join or add, leave or remove.
import {
  addMemberSchema,
  httpErrorSchema,
  listMembersQuerySchema,
  MaruError,
  memberPageSchema,
  memberParamsSchema,
  roomParamsSchema,
  roomSchema,
} from '@maru/contract';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { requireVisible } from './room-access.ts';

export function membersApi(api: Api, store: Store): void {
  api.get(
    '/api/rooms/:roomId/members',
    {
      schema: {
        tags: ['members'],
        summary: 'Members in the order of joining',
        params: roomParamsSchema,
        querystring: listMembersQuerySchema,
        response: { 200: memberPageSchema, 404: httpErrorSchema },
      },
    },
    async (request) => {
      const { roomId } = request.params;
      await requireVisible(store, callerOf(request), roomId);
      const page = await store.listMembers(roomId, request.query.cursor, request.query.limit);
      return { members: [...page.items], nextCursor: page.nextCursor };
    },
  );

  api.post(
    '/api/rooms/:roomId/members',
    {
      schema: {
        tags: ['members'],
        summary: 'Join a public room oneself, or add somebody as its owner',
        params: roomParamsSchema,
        body: addMemberSchema.nullish(),
        response: {
          200: roomSchema.describe('Was a member already'),
          201: roomSchema,
          403: httpErrorSchema,
          404: httpErrorSchema,
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { roomId } = request.params;
      const { userId = caller.userId, role = 'member' } = request.body ?? {};
      const room = await requireVisible(store, caller, roomId);
      const mayJoin = userId === caller.userId && role === 'member';
      if (!mayJoin && room.role !== 'owner') throw new MaruError('access-denied');
      const person = userId === caller.userId ? caller : await store.findUser(userId);
      if (person === null) throw new MaruError('not-found', { message: 'There is no such user' });
      const joined = await store.join(roomId, { userId: person.userId, name: person.name }, role);
      return reply.code(joined ? 201 : 200).send(await requireVisible(store, caller, roomId));
    },
  );

  api.delete(
    '/api/rooms/:roomId/members/:userId',
    {
      schema: {
        tags: ['members'],
        summary: 'Leave a room oneself, or remove somebody as its owner',
        params: memberParamsSchema,
        response: { 204: z.null(), 403: httpErrorSchema, 404: httpErrorSchema },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { roomId, userId } = request.params;
      const room = await requireVisible(store, caller, roomId);
      if (userId !== caller.userId && room.role !== 'owner') throw new MaruError('access-denied');
      await store.leave(roomId, userId);
      return reply.code(204).send(null);
    },
  );
}
