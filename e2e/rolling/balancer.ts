// A load balancer before several gateways, as operators have one: new connections go to whoever says to be ready.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Balanced = { readonly port: number; readonly operationsUrl: string };

const CHECK_EVERY_MS = 100;

/** What a connection has been given to it stays with, also when that is ready no more. */
export class Balancer {
  readonly #server: Server;
  readonly #gateways: readonly Balanced[];
  readonly #sockets = new Set<Socket>();
  readonly #checks: NodeJS.Timeout;
  #ready: readonly Balanced[] = [];

  private constructor(gateways: readonly Balanced[]) {
    this.#gateways = gateways;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#relay(client));
    this.#checks = setInterval(() => void this.#check(), CHECK_EVERY_MS);
  }

  /** Resolves when all are ready. */
  static async open(port: number, gateways: readonly Balanced[]): Promise<Balancer> {
    const balancer = new Balancer(gateways);
    while (balancer.#ready.length < gateways.length) await balancer.#check();
    await new Promise<void>((resolve) => balancer.#server.listen(port, '127.0.0.1', resolve));
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    clearInterval(this.#checks);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #check(): Promise<void> {
    const ready = await Promise.all(
      this.#gateways.map(async ({ operationsUrl }) => {
        const answer = await fetch(`${operationsUrl}/readyz`).catch(() => null);
        await answer?.text();
        return answer?.ok === true;
      }),
    );
    this.#ready = this.#gateways.filter((_, n) => ready[n]);
  }

  #relay(client: Socket): void {
    const gateway = this.#ready[Math.floor(Math.random() * this.#ready.length)];
    if (gateway === undefined) {
      client.destroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: gateway.port, noDelay: true, allowHalfOpen: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.end();
      });
    }
  }
}
