// A person at a client program: connects, talks in one room, and knows how the server saw the end of it.
import { type MessageCreated, roomDestination } from '@maru/contract';
import { expect, type TestContext, vi } from 'vitest';
import type { Maru } from '../topology.ts';
import { ClientProgram } from './client-program.ts';
import type { InteropClient, Lack } from './clients.ts';
import type { Command, Headers } from './dialogue.ts';
import { startOf } from './runtimes.ts';

type Heard = { readonly messageId: string; readonly entry: MessageCreated };
/** A line of the server's log. */
type SessionClosed = { readonly session: string; readonly code: number; readonly reason?: string };

const SUBSCRIPTION = 'room';
/** The log is another process's output: what it tells of comes a little later. */
const LOG_WITHIN_MS = 10_000;

export class Caller {
  readonly #maru: Maru;
  readonly #client: InteropClient;
  readonly #program: ClientProgram;
  #session = '';
  #receipts = 0;

  private constructor({ onTestFailed, onTestFinished }: TestContext, maru: Maru, client: InteropClient) {
    this.#maru = maru;
    this.#client = client;
    this.#program = new ClientProgram(startOf(client.runtime, client.program));
    onTestFinished(() => this.#program.kill());
    onTestFailed(() => console.error(`What the client said: ${this.#program.stderr || 'nothing'}`));
  }

  /** The program ends with the test. */
  static async connect(
    context: TestContext,
    maru: Maru,
    token: string,
    client: InteropClient,
    heartBeatMs: number,
  ): Promise<Caller> {
    const caller = new Caller(context, maru, client);
    caller.#do({ do: 'connect', url: maru.chatUrl, token, heartBeatMs, ...client.way });
    const { headers } = await caller.#program.next('connected');
    caller.#session = headers.session ?? '';
    // STOMP 1.0 has no such header.
    expect(headers.version ?? '1.0').toBe(client.way.version);
    return caller;
  }

  startSubscribing(
    roomId: string,
    ack: 'auto' | 'client' | 'client-individual' = 'auto',
    more: Headers = {},
  ): void {
    const headers = this.#lacks('receipt of SUBSCRIBE') ? more : { ...more, receipt: SUBSCRIPTION };
    this.#do({ do: 'subscribe', id: SUBSCRIPTION, destination: roomDestination(roomId), ack, headers });
  }

  /** Resolves when the server has taken it, if the client can know. */
  async subscribe(...args: Parameters<Caller['startSubscribing']>): Promise<void> {
    this.startSubscribing(...args);
    if (this.#lacks('receipt of SUBSCRIBE')) return;
    const { id, headers } = await this.#program.next('receipt');
    expect(id).toBe(SUBSCRIPTION);
    if (!this.#lacks('receipt headers')) expect(Number(headers.seq)).toBeGreaterThan(0);
  }

  /** Resolves when the server has done it, if the client can know. */
  async unsubscribe(): Promise<void> {
    const receipt = this.#nextReceipt();
    this.#do({ do: 'unsubscribe', id: SUBSCRIPTION, receipt });
    if (this.#lacks('receipt of UNSUBSCRIBE')) return;
    expect(await this.#program.next('receipt')).toMatchObject({ id: receipt });
  }

  /** In a transaction no receipt is asked for: COMMIT's will do. */
  startSending(roomId: string, content: string, transaction?: string): void {
    const body = JSON.stringify({ roomId, content });
    const how = transaction === undefined ? { receipt: this.#nextReceipt() } : { transaction };
    this.#do({ do: 'send', destination: '/pub/send/message', body, ...how });
  }

  /** Resolves with the headers of the RECEIPT. */
  async send(roomId: string, content: string): Promise<Headers> {
    this.startSending(roomId, content);
    const { id, headers } = await this.#program.next('receipt');
    expect(id).toBe(`r${this.#receipts}`);
    return headers;
  }

  async receipts(count: number): Promise<Headers[]> {
    return (await this.#program.take('receipt', count)).map(({ headers }) => headers);
  }

  async messages(count: number): Promise<Heard[]> {
    return (await this.#program.take('message', count)).map(({ headers, body }) => {
      const entry = JSON.parse(body) as MessageCreated;
      expect(headers).toMatchObject({ subscription: SUBSCRIPTION, seq: `${entry.seq}` });
      return { messageId: headers['message-id'] ?? '', entry };
    });
  }

  async entries(count: number): Promise<MessageCreated[]> {
    return (await this.messages(count)).map(({ entry }) => entry);
  }

  /** Messages that have come and were not looked at. */
  get unread(): number {
    return this.#program.untaken('message');
  }

  acknowledge(messageId: string | undefined): void {
    expect(messageId).toBeDefined();
    this.#do({ do: 'ack', messageId: messageId ?? '' });
  }

  begin(transaction: string): void {
    this.#do({ do: 'begin', transaction });
  }

  /** Resolves when the server has done it, if the client can know. */
  async commit(transaction: string): Promise<void> {
    const receipt = this.#nextReceipt();
    this.#do({ do: 'commit', transaction, receipt });
    if (this.#lacks('receipt of COMMIT')) return;
    expect(await this.#program.next('receipt')).toMatchObject({ id: receipt });
  }

  error(): Promise<{ readonly headers: Headers; readonly body: string }> {
    return this.#program.next('error');
  }

  disconnect(): Promise<SessionClosed> {
    this.#do({ do: 'disconnect' });
    return this.ended();
  }

  /** Resolves when the client has ended in peace, with what the server's log says of its session. */
  async ended(): Promise<SessionClosed> {
    await this.#program.next('closed');
    expect(await this.#program.exited).toBe(0);
    const line = await vi.waitFor(() => {
      const lines = this.#maru.output.split('\n').filter((line) => line.includes(this.#session));
      const closed = lines.find((line) => line.includes('"session closed"'));
      if (closed === undefined) throw new Error(`The log does not tell the end of session ${this.#session}`);
      return closed;
    }, LOG_WITHIN_MS);
    return JSON.parse(line.replace(/^\w+\| /, '')) as SessionClosed;
  }

  #do(command: Command): void {
    this.#program.do(command);
  }

  #lacks(what: Lack): boolean {
    return this.#client.lacks.includes(what);
  }

  #nextReceipt(): string {
    this.#receipts += 1;
    return `r${this.#receipts}`;
  }
}
