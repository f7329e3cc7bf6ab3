// REST: rooms: create, list, read, rename, delete.
import {
  createRoomSchema,
  httpErrorSchema,
  listRoomsQuerySchema,
  roomPageSchema,
  roomParamsSchema,
  roomSchema,
  updateRoomSchema,
} from '@maru/contract';
import { z } from 'zod';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { asSeen, personOf, requireVisible } from './room-access.ts';

const REFUSED = { 400: httpErrorSchema, 403: httpErrorSchema, 404: httpErrorSchema };

export function roomsApi(api: Api, store: Store): void {
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
      const room = await store.createRoom({ ...request.body, owner: personOf(callerOf(request)) });
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
      return { rooms: page.items.map(asSeen), nextCursor: page.nextCursor };
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

  api.patch(
    '/api/rooms/:roomId',
    {
      schema: {
        tags: ['rooms'],
        summary: 'Rename a room as its owner',
        params: roomParamsSchema,
        body: updateRoomSchema,
        response: { 200: roomSchema, ...REFUSED },
      },
    },
    (request) => store.updateRoom(request.params.roomId, personOf(callerOf(request)), request.body),
  );

  api.delete(
    '/api/rooms/:roomId',
    {
      schema: {
        tags: ['rooms'],
        summary: 'Delete a room as its owner, with all that is in it',
        params: roomParamsSchema,
        response: { 204: z.null(), ...REFUSED },
      },
    },
    async (request, reply) => {
      await store.deleteRoom(request.params.roomId, personOf(callerOf(request)));
      return reply.code(204).send(null);
    },
  );
}
