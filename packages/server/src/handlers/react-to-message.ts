// SEND `/pub/react/message`: an emoji on a message, or taken away from it.
import { APPLICATION_DESTINATIONS, reactToMessageSchema } from '@maru/contract';
import { mapDestination } from './application-handler.ts';

export const reactToMessage = mapDestination({
  destination: APPLICATION_DESTINATIONS.reactToMessage,
  schema: reactToMessageSchema,
  handle: ({ body, change }) => change({ kind: 'react', ...body }),
});
