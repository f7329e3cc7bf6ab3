// Who may see a room: anyone a public one, members a private one; to all others it doesn't exist.
import { MaruError, type Room } from '@maru/contract';
import type { Principal } from '../identity/principal.ts';
import type { Store } from '../store/store.ts';

/** A room without what is for its members only. */
export function asSeen(room: Room): Room {
  return room.role === null ? { ...room, lastMessage: null, ...NOTHING_READ } : room;
}

const NOTHING_READ = { readSeq: 0, unread: 0, unreadMentions: 0 };

/** Errors: `room-not-found`, also for a private room that the caller isn't in. */
export async function requireVisible(store: Store, caller: Principal, roomId: string): Promise<Room> {
  const room = await store.findRoom(roomId, caller.userId);
  if (room === null || (room.visibility === 'private' && room.role === null)) {
    throw new MaruError('room-not-found');
  }
  return asSeen(room);
}

/** Errors: `room-not-found`, also for a private room that the caller isn't in; `not-a-member`. */
export async function requireMember(store: Store, caller: Principal, roomId: string): Promise<void> {
  const standing = await store.findStanding(roomId, caller.userId);
  if (standing === null || (standing.visibility === 'private' && standing.role === null)) {
    throw new MaruError('room-not-found');
  }
  if (standing.role === null) throw new MaruError('not-a-member');
}

/** The person of a request as the log names them. */
export function personOf({ userId, name }: Principal): { readonly userId: string; readonly name: string } {
  return { userId, name };
}
