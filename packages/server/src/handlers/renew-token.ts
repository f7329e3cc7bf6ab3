// SEND `/pub/session/token`: the session goes on with a newer token of the same person.
import { APPLICATION_DESTINATIONS, renewTokenSchema } from '@maru/contract';
import { mapDestination } from './application-handler.ts';

export const renewToken = mapDestination({
  destination: APPLICATION_DESTINATIONS.renewToken,
  schema: renewTokenSchema,
  handle: ({ body, session }) => session.renew(body.accessToken),
});
