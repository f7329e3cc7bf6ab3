// A chat message: stored, then broadcast (by the store's commit). Serves SEND and POST alike.
import { APPLICATION_DESTINATIONS, type SendMessage, sendMessageSchema } from '@maru/contract';
import type { Principal } from '../identity/principal.ts';
import type { Appended, Store } from '../store/store.ts';
import { type ApplicationHandler, mapHandler } from './application-handler.ts';

/** The sender is the session's, never the body's. Errors: `room-not-found`, `not-a-member`, `overloaded`. */
export function sendMessage(store: Store, sender: Principal, message: SendMessage): Promise<Appended> {
  return store.appendMessage({ ...message, sender: { userId: sender.userId, name: sender.name } });
}

/** SEND `/pub/send/message`: its RECEIPT says where the message stands in the room's log. */
export function mapSendMessage(store: Store) {
  return mapHandler({
    destination: APPLICATION_DESTINATIONS.sendMessage,
    schema: sendMessageSchema,
    handle: (sender, message) =>
      sendMessage(store, sender, message).then(({ entry }) => [
        ['message-id', entry.messageId],
        ['seq', String(entry.seq)],
      ]),
  } satisfies ApplicationHandler<SendMessage>);
}
