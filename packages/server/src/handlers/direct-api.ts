// REST: the room of two people.
import { directRoomSchema, httpErrorSchema, MaruError, roomSchema } from '@maru/contract';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { personOf } from './room-access.ts';

export function directApi(api: Api, store: Store): void {
  api.post(
    '/api/direct',
    {
      schema: {
        tags: ['rooms'],
        summary: 'The direct room with somebody, made the first time; nobody else is ever in it',
        body: directRoomSchema,
        response: {
          200: roomSchema.describe('It was there already'),
          201: roomSchema,
          400: httpErrorSchema,
          404: httpErrorSchema,
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { userId } = request.body;
      if (userId === caller.userId) {
        throw new MaruError('invalid-request', { message: 'A direct room is with somebody else' });
      }
      const other = await store.findUser(userId);
      if (other === null) throw new MaruError('not-found', { message: 'There is no such user' });
      const { room, created } = await store.openDirect(personOf(caller), other);
      return reply
        .code(created ? 201 : 200)
        .header('location', `/api/rooms/${room.roomId}`)
        .send(room);
    },
  );
}
