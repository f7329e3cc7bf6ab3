// SEND `/pub/delete/message`: a message loses its content; its place in the log stays.
import { APPLICATION_DESTINATIONS, deleteMessageSchema } from '@maru/contract';
import { mapDestination } from './application-handler.ts';

export const deleteMessage = mapDestination({
  destination: APPLICATION_DESTINATIONS.deleteMessage,
  schema: deleteMessageSchema,
  handle: ({ body, change }) => change({ kind: 'delete', ...body }),
});
