// The sockets that are open on a server, for tests that want none of them left.
import { EventEmitter, once } from 'node:events';
import type { Server, Socket } from 'node:net';

/** Past this a socket counts as left behind. */
const PATIENCE_MS = 5000;

/** To be made before the server has any. */
export class OpenSockets {
  readonly #open = new Set<Socket>();
  readonly #events = new EventEmitter();

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#open.add(socket);
      socket.once('close', () => {
        this.#open.delete(socket);
        this.#events.emit('left');
      });
    });
  }

  get first(): Socket | undefined {
    return [...this.#open][0];
  }

  /** Resolves when none is open, with how many were left behind: 0, unless patience ran out. */
  async left(): Promise<number> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    while (this.#open.size > 0 && !signal.aborted) {
      await once(this.#events, 'left', { signal }).catch(() => undefined);
    }
    return this.#open.size;
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
