// Both ends of one WebSocket, the server's behind an outbound queue.
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { CatchUpTurns, Pace } from '../../src/broker/catch-up-turns.ts';
import { Turn } from '../../src/broker/turn.ts';
import { encodeDataFrame, OPCODES } from '../../src/broker/websocket-frame.ts';
import { OutboundQueue } from '../../src/session/outbound-queue.ts';
import { Counts } from '../../src/telemetry/counts.ts';

export type Line = {
  readonly queue: OutboundQueue;
  readonly server: WebSocket;
  readonly socket: Socket;
  readonly client: WebSocket;
  readonly counts: Counts;
  /** What was said of room for more, in order. */
  readonly room: boolean[];
  /** What a subscription that can be behind was told. */
  readonly told: ('full' | 'resume')[];
};

export const textFrame = (payload: Buffer) => encodeDataFrame(payload, OPCODES.text);
export const frameOf = (text: string) => textFrame(Buffer.from(text));
export const flushed = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

export class Lines {
  readonly #http = createServer();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #turn = new Turn();

  listen(): Promise<void> {
    return new Promise((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
  }

  async close(): Promise<void> {
    for (const client of this.#webSockets.clients) client.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** The server's end writes through a queue with this limit. */
  async open(limit = 1_048_576): Promise<Line> {
    const accepted = new Promise<Omit<Line, 'client'>>((resolve) => {
      this.#http.once('upgrade', (req, socket: Socket, head) => {
        this.#webSockets.handleUpgrade(req, socket, head, (server) => {
          server.on('error', () => undefined);
          const room: boolean[] = [];
          const told: ('full' | 'resume')[] = [];
          const counts = new Counts();
          const turns = new CatchUpTurns(new Pace());
          turns.enter({
            takeTurn: async () => {},
            full: () => told.push('full'),
            resume: () => told.push('resume'),
          });
          const queue = new OutboundQueue({
            socket,
            webSocket: server,
            turn: this.#turn,
            turns,
            counts,
            limit,
            onRoom: (hasRoom) => room.push(hasRoom),
          });
          resolve({ queue, server, socket, counts, room, told });
        });
      });
    });
    const { port } = this.#http.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    const [line] = await Promise.all([accepted, new Promise((resolve) => client.once('open', resolve))]);
    return { ...line, client };
  }
}

/** A client that reads nothing, and a socket that the kernel takes nothing more from. */
export async function stall({ queue, socket, client }: Line): Promise<void> {
  client.pause();
  while (socket.writableLength === 0) {
    queue.enqueue(textFrame(Buffer.alloc(60_000)));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
