// The last bytes on a raw socket: they arrive, and the socket is gone soon, whatever the peer does.
import type { Duplex } from 'node:stream';

/**
 * Writes `lastBytes`, ends, and throws away what still comes: a socket that is closed with unread bytes is reset, and
 * the reset may overtake the last bytes. A peer that neither reads nor closes loses the socket after `lingerMs`.
 */
export function sayFarewell(socket: Duplex, lastBytes: string | Buffer | undefined, lingerMs: number): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
  socket.on('error', () => socket.destroy());
  socket.removeAllListeners('data');
  if (socket.writable) socket.end(lastBytes ?? Buffer.alloc(0));
  socket.resume();
}
