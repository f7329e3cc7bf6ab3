// REST: how far the caller has read a room.
import { httpErrorSchema, putReadSchema, readingSchema, roomParamsSchema } from '@maru/contract';
import { callerOf } from './authenticate.ts';
import type { Api, ApiOptions } from './http-api.ts';

export function readingApi(api: Api, { markRead }: Pick<ApiOptions, 'markRead'>): void {
  api.put(
    '/api/rooms/:roomId/read',
    {
      schema: {
        tags: ['rooms'],
        summary:
          'The same as SEND /pub/read: all up to this seq has been read; never back, nor past the head',
        params: roomParamsSchema,
        body: putReadSchema,
        response: { 200: readingSchema, 400: httpErrorSchema, 403: httpErrorSchema, 404: httpErrorSchema },
      },
    },
    async (request) => {
      const { userId } = callerOf(request);
      const { moved: _moved, ...reading } = await markRead(request.params.roomId, userId, request.body.seq);
      return reading;
    },
  );
}
