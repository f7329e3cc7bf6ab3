// One upgrade on its way to a remote upstream: the handshake first, then bytes both ways, then both ends go together.
import { connect, type NetConnectOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { MaruError } from '@maru/contract';
import { sayFarewell } from '../http/farewell.ts';
import { readUpgradeAnswer, type UpgradeAnswer } from './upgrade-answer.ts';
import type { FailedAt, Failure } from './upstream-failure.ts';

export type TunnelLimits = {
  readonly connectTimeoutMs: number;
  /** From the upstream's connection to the end of its answer's head. */
  readonly upgradeTimeoutMs: number;
  readonly maxAnswerHeadOctets: number;
  /** How long a peer may take no byte of what waits for it, before the tunnel is cut. */
  readonly stallTimeoutMs: number;
  /** How long one end may outlive the other: time to take the last bytes. */
  readonly lingerMs: number;
};

export type TunnelOptions = {
  readonly target: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly limits: TunnelLimits;
  readonly requestHead: Buffer;
  readonly client: Duplex;
  /** What the client sent right behind its handshake; it goes upstream once, after the 101 (RFC 6455 §4.1). */
  readonly head: Buffer;
  /** Asked once: false keeps the answer from the client, and the upgrade has failed. */
  readonly onAnswer: (answer: UpgradeAnswer) => boolean;
  /** Nothing was written to the client yet; its socket and the answering are the caller's now. */
  readonly onFailure: (failure: Failure) => void;
  readonly onClose: () => void;
};

/** `dialing` and `asking` end in `open` (101), `refusing` (any other answer) or `over`. */
type State = 'dialing' | 'asking' | 'open' | 'refusing' | 'over';

// Every read is handled or copied before the next can start, so that one buffer serves all tunnels of the process.
const READ_BUFFER = Buffer.allocUnsafe(64 * 1024);

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #client: Duplex;
  readonly #upstream: Socket;
  #state: State = 'dialing';
  #answer: Buffer = Buffer.alloc(0);
  #refusalOctetsLeft = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  readonly #onClientError = () => this.#client.destroy();
  readonly #onClientGone = () => this.#part(this.#upstream);
  readonly #onClientDrain = () => this.#drained(this.#client, this.#upstream);
  /** One for each end that takes no bytes now. */
  readonly #stalled = new Map<Duplex, NodeJS.Timeout>();

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#client = options.client;
    if (this.#client instanceof Socket) {
      this.#client.setTimeout(0);
      this.#client.setNoDelay(true);
    }
    this.#client.on('error', this.#onClientError);
    this.#client.once('close', this.#onClientGone);
    // The client's FIN goes on to the upstream, which may still have last bytes for it.
    this.#client.once('end', this.#onClientGone);
    this.#client.on('drain', this.#onClientDrain);
    this.#upstream = this.#dial();
    this.#within(options.limits.connectTimeoutMs, 'unsent');
  }

  /** Cuts both ends at once; after a failure its own alone. */
  destroy(): void {
    if (this.#state !== 'over') this.#client.destroy();
    this.#upstream.destroy();
  }

  #dial(): Socket {
    const upstream = connect({
      ...this.#options.target,
      noDelay: true,
      keepAlive: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (octets) => this.#fromUpstream(READ_BUFFER.subarray(0, octets)),
      },
    } satisfies NetConnectOpts);
    upstream.once('connect', () => {
      this.#state = 'asking';
      this.#within(this.#options.limits.upgradeTimeoutMs, 'late');
      upstream.write(this.#options.requestHead);
    });
    upstream.on('drain', () => this.#drained(upstream, this.#client));
    upstream.once('error', (cause) => this.#fail(this.#reached, cause));
    upstream.once('end', () => this.#part(this.#client));
    upstream.once('close', () => {
      this.#fail(this.#reached, new Error('The upstream closed without an answer'));
      this.#part(this.#client);
      for (const timer of this.#stalled.values()) clearTimeout(timer);
      this.#options.onClose();
    });
    upstream.resume();
    return upstream;
  }

  /** False pauses the upstream: Node's contract of `onread`. */
  #fromUpstream(bytes: Buffer): boolean {
    switch (this.#state) {
      case 'open':
        return this.#toClient(Buffer.from(bytes));
      case 'refusing':
        return this.#passRefusal(Buffer.from(bytes));
      case 'asking':
        this.#answer = Buffer.concat([this.#answer, bytes]);
        return this.#readAnswer();
      default:
        return true;
    }
  }

  #readAnswer(): boolean {
    try {
      const answer = readUpgradeAnswer(this.#answer, this.#options.limits.maxAnswerHeadOctets);
      if (answer === undefined) return true;
      clearTimeout(this.#timer);
      if (!this.#options.onAnswer(answer)) {
        const problem = new Error(`The upstream answered ${answer.status}`);
        this.#fail(answer.saysWhen ? 'busy' : 'declined', problem);
        return true;
      }
      this.#answer = Buffer.alloc(0);
      if (answer.status === 101) return this.#open(Buffer.concat([answer.head, answer.rest]));
      this.#state = 'refusing';
      this.#refusalOctetsLeft = answer.contentLength ?? Number.POSITIVE_INFINITY;
      this.#client.write(answer.head);
      return this.#passRefusal(answer.rest);
    } catch (cause) {
      this.#fail('answered', cause);
      return true;
    }
  }

  get #reached(): FailedAt {
    if (this.#state === 'dialing') return 'unsent';
    return this.#answer.length === 0 ? 'unanswered' : 'answered';
  }

  #open(firstBytes: Buffer): boolean {
    this.#state = 'open';
    const { head } = this.#options;
    if (head.length > 0) this.#toUpstream(head);
    this.#client.on('data', (bytes: Buffer) => this.#toUpstream(bytes));
    return this.#toClient(firstBytes);
  }

  #toUpstream(bytes: Buffer): void {
    if (!this.#upstream.writable || this.#upstream.write(bytes)) return;
    this.#client.pause();
    this.#awaitDrain(this.#upstream);
  }

  #toClient(bytes: Buffer): boolean {
    if (!this.#client.writable || this.#client.write(bytes)) return true;
    this.#awaitDrain(this.#client);
    return false;
  }

  /** An end that takes nothing hides that the other has gone, whose reading waits for it: neither would ever go. */
  #awaitDrain(full: Duplex): void {
    clearTimeout(this.#stalled.get(full));
    this.#stalled.set(
      full,
      setTimeout(() => this.destroy(), this.#options.limits.stallTimeoutMs),
    );
  }

  #drained(emptied: Duplex, waiting: Duplex): void {
    clearTimeout(this.#stalled.get(emptied));
    this.#stalled.delete(emptied);
    waiting.resume();
  }

  /** A refusal's end is where its head says, or where the upstream falls silent or closes. */
  #passRefusal(bytes: Buffer): boolean {
    const passed = bytes.subarray(0, this.#refusalOctetsLeft);
    this.#refusalOctetsLeft -= passed.length;
    const flows = passed.length === 0 || this.#toClient(passed);
    clearTimeout(this.#timer);
    if (this.#refusalOctetsLeft === 0) this.#part(this.#client);
    else this.#timer = setTimeout(() => this.#part(this.#client), this.#options.limits.lingerMs);
    return flows;
  }

  #within(ms: number, at: FailedAt): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(at, new Error(`Nothing came within ${ms} ms`)), ms);
  }

  /** Only before an answer; later there is nothing to say but the end of the bytes. */
  #fail(at: FailedAt, cause: unknown): void {
    if (this.#state !== 'dialing' && this.#state !== 'asking') return;
    this.#state = 'over';
    clearTimeout(this.#timer);
    this.#upstream.destroy();
    if (this.#client.destroyed) return;
    this.#leaveClient();
    const code = at === 'late' ? 'upstream-timeout' : 'upstream-unavailable';
    this.#options.onFailure({ at, error: new MaruError(code, { cause }) });
  }

  /** Another tunnel may have it next. */
  #leaveClient(): void {
    this.#client.off('error', this.#onClientError);
    this.#client.off('close', this.#onClientGone);
    this.#client.off('end', this.#onClientGone);
    this.#client.off('drain', this.#onClientDrain);
  }

  /** One end has gone: the other gets what is on its way, and goes. */
  #part(remaining: Duplex): void {
    const began = this.#state;
    if (began === 'dialing' || began === 'asking') {
      // The client went first: there is nobody left to answer. Had the upstream gone, #fail would have spoken.
      if (remaining !== this.#upstream) return;
      this.destroy();
      this.#state = 'over';
      clearTimeout(this.#timer);
      return;
    }
    if (began === 'over' && remaining === this.#client) return;
    clearTimeout(this.#timer);
    sayFarewell(remaining, undefined, this.#options.limits.lingerMs);
  }
}
