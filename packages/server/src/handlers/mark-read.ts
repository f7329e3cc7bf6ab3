// SEND `/pub/read`: all up to a seq has been read.
import { APPLICATION_DESTINATIONS, markReadSchema } from '@maru/contract';
import { mapDestination } from './application-handler.ts';

export const markRead = mapDestination({
  destination: APPLICATION_DESTINATIONS.markRead,
  schema: markReadSchema,
  handle: async ({ body: { roomId, seq }, markRead: mark }) => {
    await mark(roomId, seq);
  },
});
