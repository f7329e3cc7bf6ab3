// Maru's client: accounts, REST and the chat connection, for browsers and for Node 22 and later.
export { Account, type AccountUser, type SessionTokenStorage, type TokenSource } from './account.ts';
export { Backoff, type BackoffOptions } from './backoff.ts';
export {
  ChatClient,
  type ChatClientOptions,
  type Done,
  type FollowedRoom,
  type SendOptions,
  type Sent,
} from './chat-client.ts';
export { ClientError, type ClientErrorCode } from './client-error.ts';
export type { ConnectionState, ConnectionStatus } from './connection-state.ts';
export { createClientMessageId, OUTBOX_LIMIT } from './outbox.ts';
export { RestClient } from './rest-client.ts';
export { type AwaitedPage, applyEntry, RoomMessages } from './room-messages.ts';
export type { EarlierPage, RoomHandlers } from './room-subscription.ts';
export { TYPING_EVERY_MS } from './typing-notices.ts';
