// Who may see a room: anyone a public one, members a private one; to all others it doesn't exist.
import { MaruError, type Room } from '@maru/contract';
import type { Principal } from '../identity/principal.ts';
import type { Store } from '../store/store.ts';

/** Errors: `room-not-found`, also for a private room that the caller isn't in. */
export async function requireVisible(store: Store, caller: Principal, roomId: string): Promise<Room> {
  const room = await store.findRoom(roomId, caller.userId);
  if (room === null || (room.visibility === 'private' && room.role === null)) {
    throw new MaruError('room-not-found');
  }
  return room.role === null ? { ...room, lastMessage: null } : room;
}

/** Errors: `room-not-found`, `not-a-member`. */
export async function requireMember(store: Store, caller: Principal, roomId: string): Promise<Room> {
  const room = await requireVisible(store, caller, roomId);
  if (room.role === null) throw new MaruError('not-a-member');
  return room;
}
