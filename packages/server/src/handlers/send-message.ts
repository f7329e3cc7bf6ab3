// A chat message: stored, then broadcast (by the store's commit). SEND and POST end in the same append.
import { APPLICATION_DESTINATIONS, MaruError, sendMessageSchema } from '@maru/contract';
import type { Principal } from '../identity/principal.ts';
import type { NewEntry, NewMessage } from '../store/store.ts';
import { type ChatMessage, describeProblem, mapDestination } from './application-handler.ts';

/** The sender is the session's, never the body's. */
export function newMessageOf(
  { userId, name }: Principal,
  message: ChatMessage,
): NewMessage & Extract<NewEntry, { kind: 'message' }> {
  return { ...message, kind: 'message', sender: { userId, name } };
}

/** @throws MaruError `invalid-body` for what no client could have sent either. */
export function requireChatMessage(message: ChatMessage): void {
  const { error } = sendMessageSchema.safeParse(message);
  if (error !== undefined) throw new MaruError('invalid-body', { message: describeProblem(error) });
}

/** SEND `/pub/send/message`: its RECEIPT says where the message stands in the room's log. */
export const sendMessage = mapDestination({
  destination: APPLICATION_DESTINATIONS.sendMessage,
  schema: sendMessageSchema,
  handle: ({ body, append }) => append(body),
});
