// REST: messages by their words, of the rooms the caller is in.
import { httpErrorSchema, searchPageSchema, searchQuerySchema } from '@maru/contract';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';
import { requireMember } from './room-access.ts';

export function searchApi(api: Api, store: Store): void {
  api.get(
    '/api/search',
    {
      schema: {
        tags: ['messages'],
        summary:
          "Messages that have these characters in them, in the caller's rooms or one of them; newest first",
        querystring: searchQuerySchema,
        response: { 200: searchPageSchema, 400: httpErrorSchema, 403: httpErrorSchema, 404: httpErrorSchema },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { q: text, roomId, cursor, limit } = request.query;
      if (roomId !== undefined) await requireMember(store, caller, roomId);
      const page = await store.search(caller.userId, { text, roomId }, cursor, limit);
      return { messages: [...page.items], nextCursor: page.nextCursor };
    },
  );
}
