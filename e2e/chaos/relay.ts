// A TCP relay that cuts a connection at an exact octet: how a client loses a RECEIPT that was already on its way.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** So many more octets pass in that direction, none after them in either. `up`: from the client to the server. */
export type Cut = { readonly direction: 'up' | 'down'; readonly octets: number };

type SetCut = Cut & { readonly done: () => void };

/**
 * Relays every connection to one port. One cut can be set at a time; the connection that comes to its octet ends there, in
 * the middle of a frame as well as of an HTTP head. Whoever was to get the octets still gets those before the cut; the
 * other side is reset.
 */
export class Relay {
  readonly #server: Server;
  readonly #to: () => number;
  readonly #sockets = new Set<Socket>();
  #cut: SetCut | undefined;

  private constructor(to: () => number) {
    this.#to = to;
    this.#server = createServer({ noDelay: true }, (client) => this.#relay(client));
  }

  /** @param to the server's port, asked at each connection. */
  static async open(to: () => number): Promise<Relay> {
    const relay = new Relay(to);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @returns a promise of when it was done; a cut that was set before is taken back. */
  cut(cut: Cut): Promise<void> {
    return new Promise((done) => {
      this.#cut = { ...cut, done };
    });
  }

  /** Takes back a cut whose octet has not come. */
  spare(): void {
    this.#cut = undefined;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #relay(client: Socket): void {
    const server = connect({ host: '127.0.0.1', port: this.#to(), noDelay: true });
    this.#pass(client, server, 'up');
    this.#pass(server, client, 'down');
  }

  #pass(from: Socket, to: Socket, direction: Cut['direction']): void {
    this.#sockets.add(from);
    from.on('data', (octets: Buffer) => {
      if (to.destroyed) return;
      const cut = this.#cut;
      if (cut === undefined || cut.direction !== direction) {
        to.write(octets);
      } else if (octets.length < cut.octets) {
        this.#cut = { ...cut, octets: cut.octets - octets.length };
        to.write(octets);
      } else {
        this.#cut = undefined;
        to.end(octets.subarray(0, cut.octets));
        from.resetAndDestroy();
        cut.done();
      }
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.end();
    });
  }
}
