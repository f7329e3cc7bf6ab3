// SEND `/pub/edit/message`: a message of one's own gets another content.
import { APPLICATION_DESTINATIONS, editMessageSchema } from '@maru/contract';
import { mapDestination } from './application-handler.ts';

export const editMessage = mapDestination({
  destination: APPLICATION_DESTINATIONS.editMessage,
  schema: editMessageSchema,
  handle: ({ body, change }) => change({ kind: 'edit', ...body }),
});
