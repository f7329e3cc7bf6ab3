// Where in the page one is: kept in the URL's hash, so that a reload and a link lead to the same room.
import { ID_PATTERN } from '@maru/contract';

export type Route = { readonly roomId: string | null };

export function parseRoute(hash: string): Route {
  const roomId = /^#\/rooms\/([^/]+)$/.exec(hash)?.[1];
  return { roomId: roomId !== undefined && ID_PATTERN.test(roomId) ? roomId : null };
}

export const ROOMS_HASH = '#/';

export function roomHash(roomId: string): string {
  return `#/rooms/${roomId}`;
}
