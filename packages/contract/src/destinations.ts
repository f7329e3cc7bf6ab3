// The destinations of the contract, and the one canonical form in which they are matched and routed.

/** Application destinations (`/pub/…`): what a client SENDs to, and which schema its body has. */
export const APPLICATION_DESTINATIONS = {
  sendMessage: '/pub/send/message',
  editMessage: '/pub/edit/message',
  deleteMessage: '/pub/delete/message',
  reactToMessage: '/pub/react/message',
  typing: '/pub/typing',
  markRead: '/pub/read',
  renewToken: '/pub/session/token',
} as const;

/** User destinations: what concerns one person alone. */
export const USER_DESTINATIONS = {
  errors: '/user/queue/errors',
  rooms: '/user/queue/rooms',
} as const;

export type ApplicationDestination = (typeof APPLICATION_DESTINATIONS)[keyof typeof APPLICATION_DESTINATIONS];

const ROOM_PREFIX = '/topic/chat/room/';
const ROOM_SIGNAL_PREFIX = '/topic/rooms/';

/** The alphabet of every server-made id: safe in a destination, a header, a URL and a file name. */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** The broker destination of a room's log. */
export function roomDestination(roomId: string): string {
  return ROOM_PREFIX + roomId;
}

/** The room a destination names, or `undefined` if it is no room's log. Exact: no decoding, no trimming. */
export function roomOfDestination(destination: string): string | undefined {
  if (!destination.startsWith(ROOM_PREFIX)) return undefined;
  const roomId = destination.slice(ROOM_PREFIX.length);
  return ID_PATTERN.test(roomId) ? roomId : undefined;
}

/** The broker destination of what a room doesn't keep: typing, read markers, presence. */
export function roomSignalDestination(roomId: string): string {
  return ROOM_SIGNAL_PREFIX + roomId;
}

/** The room whose signals a destination names, or `undefined`. Exact, as `roomOfDestination`. */
export function roomOfSignalDestination(destination: string): string | undefined {
  if (!destination.startsWith(ROOM_SIGNAL_PREFIX)) return undefined;
  const roomId = destination.slice(ROOM_SIGNAL_PREFIX.length);
  return ID_PATTERN.test(roomId) ? roomId : undefined;
}

/**
 * True if a destination holds any character that brokers read as a pattern (`*`, `?`, `{x}`, `>`, `#`).
 * Maru has no patterns; it refuses them so that nobody believes they subscribed to one.
 */
export function isPattern(destination: string): boolean {
  return /[*?{}>#]/.test(destination);
}
