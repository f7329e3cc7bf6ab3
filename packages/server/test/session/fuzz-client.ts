// One client of the session fuzz: takes the steps of a scenario and holds what comes back against the contract.
import { setTimeout as pause } from 'node:timers/promises';
import { ERRORS, isErrorCode } from '@maru/contract';
import { type Frame, FrameDecoder, type ServerCommand } from '@maru/stomp';
import type { Scenario, Step } from './fuzz-scenario.ts';
import { RawSocket } from './raw-socket.ts';

type ServerFrame = Frame<ServerCommand>;

/** Longer than every deadline of the service that a scenario can meet, together. */
const MOST_MS = 10_000;
/** What a step `wait` waits at most. */
const PATIENCE_MS = 30;
/** How ws ends a connection whose WebSocket frames are wrong. */
const WEBSOCKET_FAULTS = [1002, 1007, 1008, 1009];
const WIDE = { frameOctets: 4_194_304, headers: 200, headerOctets: 65_536, authorizationOctets: 65_536 };

export class FuzzClient {
  readonly #scenario: Scenario;
  readonly #socket: RawSocket;
  readonly #decoder: FrameDecoder<'server'>;
  readonly #frames: ServerFrame[] = [];
  readonly #settled = new Set<ServerFrame>();
  #read = 0;

  constructor(scenario: Scenario, socket: RawSocket) {
    this.#scenario = scenario;
    this.#socket = socket;
    this.#decoder = new FrameDecoder({
      limits: WIDE,
      from: 'server',
      onFrame: (frame) => this.#frames.push(frame),
    });
  }

  /**
   * @returns in a word how it ended
   * @throws Error that says what the service did wrong
   */
  static async run(scenario: Scenario, port: number, token: string): Promise<string> {
    const socket = RawSocket.upgrade(port);
    try {
      await within(socket.head, 'the upgrade was not answered');
      const client = new FuzzClient(scenario, socket);
      await client.#act(token);
      return await client.#judge();
    } finally {
      socket.socket.destroy();
    }
  }

  async #act(token: string): Promise<void> {
    const { connects, version, soft, steps, end, intact } = this.#scenario;
    this.#decoder.version = version;
    if (connects !== 'not at all') {
      const authorization = connects === 'well' ? `Authorization:Bearer ${token}\n` : '';
      this.#write(`CONNECT\naccept-version:${version}\nhost:x\n${authorization}\n\0`);
    }
    if (soft) this.#write('SUBSCRIBE\ndestination:/user/queue/errors\nid:errors\n\n\0');
    for (const step of steps) await this.#take(step);
    // A changed frame that has no end swallows the first one.
    if (end === 'disconnect') this.#write('DISCONNECT\nreceipt:bye\n\n\0'.repeat(intact ? 1 : 2));
    else if (end === 'close') this.#socket.write(Buffer.from([0x03, 0xe8]), { opcode: 8 });
    else if (end === 'vanish') this.#socket.socket.resetAndDestroy();
    else this.#write('SEND\ndestination:/pub/');
  }

  async #take(step: Step): Promise<void> {
    if (step.do === 'octets') return void this.#socket.socket.write(Buffer.from(step.octets, 'latin1'));
    if (step.do === 'ping') return this.#socket.write('ping', { opcode: 9 });
    if (step.do === 'wait') return this.#wait();
    if (step.do === 'acknowledge') return this.#acknowledge(step);
    const octets = Buffer.from(step.octets, 'latin1');
    const ends = [...step.cuts, octets.length];
    let at = 0;
    for (const [index, end] of ends.entries()) {
      this.#socket.write(octets.subarray(at, end), {
        opcode: index === 0 ? 2 : 0,
        fin: index === ends.length - 1,
      });
      at = end;
    }
  }

  async #wait(): Promise<void> {
    const { length } = this.#socket.frames;
    const more = async () => {
      while (this.#socket.frames.length === length && !this.#socket.socket.destroyed) await pause(1);
    };
    await Promise.race([more(), pause(PATIENCE_MS)]);
  }

  #acknowledge({ command, back, transaction }: Extract<Step, { do: 'acknowledge' }>): void {
    this.#decode();
    const waiting = this.#frames.filter((frame) => frame.command === 'MESSAGE' && !this.#settled.has(frame));
    const at = waiting.length - 1 - back;
    const message = waiting[at];
    if (message === undefined) return;
    // In mode `client` those before it are settled too.
    for (const settled of waiting.slice(0, at + 1)) this.#settled.add(settled);
    if (this.#scenario.version === '1.2' && !message.headers.has('ack')) return;
    const { headers } = message;
    const named =
      this.#scenario.version === '1.2'
        ? `id:${headers.get('ack') ?? 'none'}\n`
        : `message-id:${headers.get('message-id')}\nsubscription:${headers.get('subscription')}\n`;
    // What the message carries is as this version writes it, but for a colon or a backslash, which then name nothing.
    this.#write(`${command}\n${named}${transaction === '' ? '' : `transaction:${transaction}\n`}\n\0`);
  }

  #write(frame: string): void {
    if (!this.#socket.socket.destroyed) this.#socket.write(Buffer.from(frame), { opcode: 2 });
  }

  /** Octets of what the server has sent since the last time; it must be STOMP, in frames that nobody masked. */
  #decode(): void {
    for (; this.#read < this.#socket.frames.length; this.#read++) {
      const frame = this.#socket.frames[this.#read];
      if (frame === undefined) continue;
      if (frame.masked) throw new Error('the server masked a frame');
      if (frame.opcode === 1 || frame.opcode === 2) this.#decoder.push(frame.payload);
      else if (![8, 9, 10].includes(frame.opcode)) throw new Error(`the server sent opcode ${frame.opcode}`);
    }
  }

  async #judge(): Promise<string> {
    const { end } = this.#scenario;
    const close = await within(this.#socket.closeCode(), 'the connection was not ended');
    this.#decode();
    if (this.#decoder.midFrame) throw new Error('the last frame of the server has no end');
    this.#judgeOrder();
    if (end === 'vanish') return 'vanished';
    const last = this.#frames.at(-1);
    if (last?.command === 'ERROR') return this.#judgeError(last, close);
    if (this.#frames.some(({ command }) => command === 'ERROR')) {
      throw new Error('something came after the ERROR');
    }
    return this.#judgeGoodbye(close);
  }

  /** Receipts leave in the order of the frames. */
  #judgeOrder(): void {
    const receipts = this.#frames.filter(({ command }) => command === 'RECEIPT');
    const ids = receipts.map(({ headers }) => headers.get('receipt-id') ?? '');
    const numbers = ids.filter((id) => /^\d+$/.test(id)).map(Number);
    const inverted = numbers.findIndex((number, index) => number < (numbers[index - 1] ?? 0));
    // A changed frame may ask for any receipt.
    if (inverted > 0 && this.#scenario.intact) throw new Error(`receipts out of order: ${ids.join()}`);
  }

  #judgeError(error: ServerFrame, close: number | undefined): string {
    const code = error.headers.get('code') ?? '';
    if (!isErrorCode(code)) throw new Error(`ERROR has the code "${code}"`);
    if (code === 'internal') throw new Error(`ERROR internal: ${Buffer.from(error.body)}`);
    const told = JSON.parse(Buffer.from(error.body).toString()) as { code: string };
    if (told.code !== code) throw new Error(`ERROR says ${code} in its headers and ${told.code} in its body`);
    // Our own Close may have crossed the server's.
    const expected = [ERRORS[code].close, ...(this.#scenario.end === 'close' ? [1000] : [])];
    const faults = this.#scenario.intact ? [] : WEBSOCKET_FAULTS;
    if (close === undefined || ![...expected, ...faults].includes(close)) {
      throw new Error(`ERROR ${code} was followed by close ${close}`);
    }
    return code;
  }

  #judgeGoodbye(close: number | undefined): string {
    const { end, intact } = this.#scenario;
    const answered = this.#frames.some(({ headers }) => headers.get('receipt-id') === 'bye');
    if (answered && close === 1000) {
      if (intact) this.#judgeAnswers();
      return intact ? 'all answered' : 'goodbye';
    }
    // A changed frame may say goodbye, or swallow it.
    if ((end === 'close' || !intact) && close === 1000) return 'closed';
    if (!intact && close !== undefined && WEBSOCKET_FAULTS.includes(close)) return `close ${close}`;
    // Octets made at random may be a Close of any code, which is echoed.
    if (this.#scenario.steps.some((step) => step.do === 'octets') && close !== 1011) return `close ${close}`;
    throw new Error(`close ${close} without an ERROR, end by ${end}, goodbye answered: ${answered}`);
  }

  /** Nothing was refused but softly, and all was said: each frame has its receipt, or its refusal on the error queue. */
  #judgeAnswers(): void {
    for (const [number, step] of this.#scenario.steps.entries()) {
      if (step.do !== 'frames') continue;
      const receipts = this.#frames.filter(
        ({ command, headers }) => command === 'RECEIPT' && headers.get('receipt-id') === `${number}`,
      );
      const answers = receipts.length + this.#softRefusals(`${number}`).size;
      if (answers !== step.receipts) {
        throw new Error(`step ${number} has ${step.receipts} frames and got ${answers} answers`);
      }
    }
  }

  /** By message-id: each subscription of the error queue has them. */
  #softRefusals(receipt: string): Set<string | undefined> {
    const refusals = this.#frames.filter(
      ({ command, headers, body }) =>
        command === 'MESSAGE' &&
        headers.get('destination') === '/user/queue/errors' &&
        JSON.parse(Buffer.from(body).toString()).receiptId === receipt,
    );
    return new Set(refusals.map(({ headers }) => headers.get('message-id')));
  }
}

async function within<T>(promise: Promise<T>, otherwise: string): Promise<T> {
  const timeOut = new AbortController();
  const late = pause(MOST_MS, undefined, { signal: timeOut.signal }).then(() => {
    throw new Error(`${otherwise} within ${MOST_MS} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timeOut.abort();
  }
}
