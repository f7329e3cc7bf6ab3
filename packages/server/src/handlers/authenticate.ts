// Every call of the API is somebody's: the access token is verified here, whatever a gateway has checked before.
import { MaruError } from '@maru/contract';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ROLE_GENERAL } from '../authorization/access-rules.ts';
import type { People } from '../authorization/people.ts';
import { bearerToken } from '../http/bearer.ts';
import type { Principal } from '../identity/principal.ts';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export function authenticateRequests(
  api: FastifyInstance,
  options: { readonly people: People; verify(token: string): Promise<Principal> },
): void {
  api.decorateRequest('principal', null);
  api.addHook('onRequest', async (request, reply) => {
    const token = bearerToken(request.headers.authorization);
    if (token === undefined) throw new MaruError('token-missing');
    const principal = await options.verify(token);
    // Who may neither SEND nor SUBSCRIBE gets nothing here either (RFC 6750 §3.1).
    if (!principal.roles.includes(ROLE_GENERAL)) {
      reply.header('www-authenticate', 'Bearer error="insufficient_scope"');
      throw new MaruError('access-denied');
    }
    request.principal = principal;
    await options.people.enter(principal);
  });
}

/** Whoever makes the request; the hook above has put them there. */
export function callerOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new MaruError('token-missing');
  return request.principal;
}
