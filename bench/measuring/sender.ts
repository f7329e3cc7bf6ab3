// A STOMP client that sends and waits for receipts; as little of a client as can be, so that the server is what is measured.
import { once } from 'node:events';
import { WebSocket } from 'ws';

export class Sender {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (headers: string) => void>();
  #count = 0;
  #fail: (error: Error) => void = () => {};
  /** Rejects with what ended the session. */
  readonly failed = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.failed.catch(() => {});
    socket.on('message', (data) => {
      for (const frame of String(data).split('\0')) this.#take(frame.trimStart());
    });
    socket.on('close', (code, reason) => this.#fail(new Error(`the connection ended: ${code} ${reason}`)));
  }

  static async open(url: string, token: string): Promise<Sender> {
    const headers = { Authorization: `Bearer ${token}` };
    const socket = new WebSocket(url, ['v12.stomp'], { headers, perMessageDeflate: false });
    await once(socket, 'open');
    const sender = new Sender(socket);
    const connected = new Promise<string>((resolve) => sender.#waiting.set('CONNECTED', resolve));
    socket.send(`CONNECT\naccept-version:1.2\nhost:/\nheart-beat:0,0\nAuthorization:Bearer ${token}\n\n\0`);
    await Promise.race([connected, sender.failed]);
    return sender;
  }

  /** @returns the seq of the message, when it is durable. */
  async send(roomId: string, content: string): Promise<number> {
    const receipt = `r${this.#count}`;
    this.#count += 1;
    const body = JSON.stringify({ roomId, content });
    const receipted = new Promise<string>((resolve) => this.#waiting.set(receipt, resolve));
    this.#socket.send(
      `SEND\ndestination:/pub/send/message\nreceipt:${receipt}\ncontent-type:application/json\n\n${body}\0`,
    );
    const headers = await Promise.race([receipted, this.failed]);
    const seq = Number(/\nseq:(\d+)/.exec(headers)?.[1]);
    if (!Number.isSafeInteger(seq)) throw new Error(`a RECEIPT without a seq: ${headers}`);
    return seq;
  }

  async close(): Promise<void> {
    this.#socket.close();
    if (this.#socket.readyState !== WebSocket.CLOSED) await once(this.#socket, 'close');
  }

  #take(frame: string): void {
    if (frame === '') return;
    const command = frame.slice(0, frame.indexOf('\n'));
    const key = command === 'RECEIPT' ? /\nreceipt-id:(.*)/.exec(frame)?.[1] : command;
    const resolve = this.#waiting.get(key ?? '');
    if (resolve === undefined) return this.#fail(new Error(`nobody waits for this frame: ${frame}`));
    this.#waiting.delete(key ?? '');
    resolve(frame);
  }
}
