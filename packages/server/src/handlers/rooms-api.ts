// REST: who am I, and rooms: create, list, read.
import {
  createRoomSchema,
  httpErrorSchema,
  listRoomsQuerySchema,
  meSchema,
  roomPageSchema,
  roomParamsSchema,
  roomSchema,
} from '@maru/contract';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { requireVisible } from './room-access.ts';

export function roomsApi(api: Api, store: Store): void {
  api.get(
    '/api/me',
    { schema: { tags: ['people'], summary: 'The caller', response: { 200: meSchema } } },
    (request) => {
      const { userId, name, roles } = callerOf(request);
      return { userId, name, roles: [...roles] };
    },
  );

  api.post(
    '/api/rooms',
    {
      schema: {
        tags: ['rooms'],
        summary: 'Create a room; the caller is its owner and first member',
        body: createRoomSchema,
        response: { 201: roomSchema, 400: httpErrorSchema },
      },
    },
    async (request, reply) => {
      const { userId, name } = callerOf(request);
      const room = await store.createRoom({ ...request.body, owner: { userId, name } });
      return reply.code(201).header('location', `/api/rooms/${room.roomId}`).send(room);
    },
  );

  api.get(
    '/api/rooms',
    {
      schema: {
        tags: ['rooms'],
        summary: "The caller's rooms, or all public ones; newest first",
        querystring: listRoomsQuerySchema,
        response: { 200: roomPageSchema, 400: httpErrorSchema },
      },
    },
    async (request) => {
      const { scope, cursor, limit } = request.query;
      const page = await store.listRooms(scope, callerOf(request).userId, cursor, limit);
      // The last message of a public room is for its members only.
      const rooms = page.items.map((room) => (room.role === null ? { ...room, lastMessage: null } : room));
      return { rooms, nextCursor: page.nextCursor };
    },
  );

  api.get(
    '/api/rooms/:roomId',
    {
      schema: {
        tags: ['rooms'],
        summary: 'One room',
        params: roomParamsSchema,
        response: { 200: roomSchema, 404: httpErrorSchema },
      },
    },
    (request) => requireVisible(store, callerOf(request), request.params.roomId),
  );
}
