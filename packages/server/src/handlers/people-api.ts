// REST: who am I, and who else is here.
import { httpErrorSchema, listUsersQuerySchema, meSchema, userListSchema } from '@maru/contract';
import type { Store } from '../store/store.ts';
import { callerOf } from './authenticate.ts';
import type { Api } from './http-api.ts';

export function peopleApi(api: Api, store: Store): void {
  api.get(
    '/api/me',
    { schema: { tags: ['people'], summary: 'The caller', response: { 200: meSchema } } },
    (request) => {
      const { userId, name, roles } = callerOf(request);
      return { userId, name, roles: [...roles] };
    },
  );

  api.get(
    '/api/users',
    {
      schema: {
        tags: ['people'],
        summary: 'People whose name, or a word of it, begins so; by name',
        querystring: listUsersQuerySchema,
        response: { 200: userListSchema, 400: httpErrorSchema },
      },
    },
    async (request) => {
      const { query, limit } = request.query;
      return { users: [...(await store.findUsers(query, limit))] };
    },
  );
}
