// SEND `/pub/typing`: whoever listens to the room hears that its sender is writing.
import { APPLICATION_DESTINATIONS, MaruError, typingSchema } from '@maru/contract';
import { mapDestination } from './application-handler.ts';

export const typing = mapDestination({
  destination: APPLICATION_DESTINATIONS.typing,
  schema: typingSchema,
  handle: async ({ body: { roomId }, principal: { userId, name }, isMember, signal }) => {
    if (!(await isMember(roomId))) throw new MaruError('not-a-member');
    signal({ type: 'typing', roomId, userId, userName: name });
  },
});
