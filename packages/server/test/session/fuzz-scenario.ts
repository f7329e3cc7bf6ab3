// What one client of the session fuzz does: a list of steps that a seed makes, and that a file can keep.
import { mutate, randomFrame } from '../../../stomp/test/fuzz-input.ts';
import type { Random } from '../../../stomp/test/fuzz-random.ts';
import { wireFrame } from './raw-socket.ts';

/** Octets are written as Latin-1, so that a scenario is readable JSON. */
export type Step =
  /** STOMP in one WebSocket message, in fragments cut there. All its frames ask for the receipt of that number. */
  | {
      readonly do: 'frames';
      readonly octets: string;
      readonly cuts: readonly number[];
      readonly receipts: number;
    }
  /** As they are, into the TCP connection. */
  | { readonly do: 'octets'; readonly octets: string }
  | { readonly do: 'ping' }
  /** Of the messages heard so far the one `back` from the last; `transaction` may be empty. */
  | {
      readonly do: 'acknowledge';
      readonly command: 'ACK' | 'NACK';
      readonly back: number;
      readonly transaction: string;
    }
  /** Until something more has come, or the connection is gone, or nothing came for a while. */
  | { readonly do: 'wait' };

export type Scenario = {
  readonly version: '1.0' | '1.1' | '1.2';
  readonly connects: 'well' | 'without a token' | 'not at all';
  /** Subscribes to `/user/queue/errors` first: refusals are soft. */
  readonly soft: boolean;
  readonly steps: readonly Step[];
  readonly end: 'disconnect' | 'close' | 'vanish' | 'half a frame';
  /** Every octet is as it should be, so every frame must be answered. */
  readonly intact: boolean;
};

/** Rooms as a scenario names them; the ids they stand for are as long. */
export const PLACES = {
  room: 'THE-ROOM-OF-THE-FUZZ-',
  foreign: 'THE-ROOM-OF-SOMEBODY-',
  hidden: 'THE-ROOM-THAT-IS-HID-',
} as const;

const ENDS = ['disconnect', 'disconnect', 'disconnect', 'close', 'vanish', 'half a frame'] as const;
const IDS = ['0', '1', '2', 'a:b', 'ü\\n', '__proto__'];
const TRANSACTIONS = ['t', 'u', 'constructor'];
const ROOM = '/topic/chat/room/';

type Header = readonly [name: string, value: string];

export function randomScenario(random: Random): Scenario {
  const version = random.pick(['1.0', '1.1', '1.2', '1.2'] as const);
  const intact = random.once(2);
  const author = new Author(random, version);
  const steps = Array.from({ length: 1 + random.below(25) }, (_, number) => author.step(number, intact));
  return {
    version,
    connects: random.once(12) ? random.pick(['without a token', 'not at all']) : 'well',
    soft: !random.once(3),
    steps,
    end: random.pick(ENDS),
    intact,
  };
}

/** Knows what it has written, so that most of it makes sense and a session gets far. */
class Author {
  readonly #random: Random;
  readonly #version: Scenario['version'];
  readonly #subscribed = new Set<string>();
  readonly #begun = new Set<string>();

  constructor(random: Random, version: Scenario['version']) {
    this.#random = random;
    this.#version = version;
  }

  step(number: number, intact: boolean): Step {
    const random = this.#random;
    const kind = random.below(20);
    if (kind === 0) return { do: 'ping' };
    if (kind < 3) return { do: 'wait' };
    if (kind < 6) {
      const command = this.#version === '1.0' || random.once(2) ? 'ACK' : 'NACK';
      return {
        do: 'acknowledge',
        command,
        back: random.below(4),
        transaction: this.#transaction()[0]?.[1] ?? '',
      };
    }
    if (kind === 6 && !intact && random.once(2)) return { do: 'octets', octets: randomWire(random) };
    const receipts = random.once(4) ? 1 + random.below(4) : 1;
    const frames = Array.from({ length: receipts }, () => this.#frame(number));
    const good = Buffer.from(frames.join(random.once(4) ? '\n' : ''));
    const octets = intact || !random.once(4) ? good : changed(good, random);
    const cuts = random.once(3)
      ? Array.from({ length: 1 + random.below(4) }, () => random.below(octets.length))
      : [];
    return {
      do: 'frames',
      octets: octets.toString('latin1'),
      cuts: cuts.sort((a, b) => a - b),
      receipts,
    };
  }

  /** A frame that the grammar allows; whether the session does is another matter. */
  #frame(number: number): string {
    const [command, headers, body = ''] = this.#random.once(12) ? this.#senseless() : this.#sensible();
    const lines = [...headers, ['receipt', `${number}`] as const].map(
      ([name, value]) => `${name}:${escaped(value, this.#version)}\n`,
    );
    return `${command}\n${lines.join('')}\n${body}\0`;
  }

  #sensible(): readonly [command: string, headers: readonly Header[], body?: string] {
    const random = this.#random;
    switch (random.below(12)) {
      case 0: {
        const transaction = random.pick(TRANSACTIONS);
        if (this.#begun.has(transaction)) return this.#end(transaction);
        this.#begun.add(transaction);
        return ['BEGIN', [['transaction', transaction]]];
      }
      case 1: {
        const [id] = this.#subscribed;
        if (id === undefined) return this.#subscribe();
        this.#subscribed.delete(id);
        return ['UNSUBSCRIBE', [['id', id]]];
      }
      case 2:
      case 3:
      case 4:
        return this.#subscribe();
      case 5:
      case 6: {
        const destination = random.pick(['/pub/echo', '/topic/lobby/a', '/topic/lobby/b']);
        const body = random.pick(['', '{}', 'not json', '한글', 'a\nb', 'x'.repeat(2_000)]);
        return ['SEND', [['destination', destination], ...odd(random), ...this.#transaction()], body];
      }
      default: {
        const clientMessageId = random.once(3) ? { clientMessageId: `c${random.below(40)}` } : {};
        const message = { roomId: PLACES.room, content: `글 ${random.below(1_000)}`, ...clientMessageId };
        const headers: Header[] = [['destination', '/pub/send/message'], ...this.#transaction()];
        return ['SEND', headers, JSON.stringify(message)];
      }
    }
  }

  #subscribe(): readonly [string, readonly Header[]] {
    const random = this.#random;
    const id = IDS.find((one) => !this.#subscribed.has(one)) ?? random.pick(IDS);
    this.#subscribed.add(id);
    const destination = random.pick([
      ...[ROOM + PLACES.room, ROOM + PLACES.room, '/topic/lobby/a', '/user/queue/echo', '/user/queue/rooms'],
    ]);
    // 1.0 has no third one.
    const ack = random.pick(['auto', 'client', this.#version === '1.0' ? 'client' : 'client-individual']);
    const prefetch: Header[] = random.once(2) ? [['prefetch', random.pick(['1', '2', '64'])]] : [];
    return ['SUBSCRIBE', [['id', id], ['destination', destination], ['ack', ack], ...prefetch]];
  }

  #end(transaction: string): readonly [string, readonly Header[]] {
    this.#begun.delete(transaction);
    return [this.#random.once(3) ? 'ABORT' : 'COMMIT', [['transaction', transaction]]];
  }

  /** The header of one that was begun, or none. */
  #transaction(): readonly Header[] {
    const [transaction] = this.#begun;
    return transaction === undefined || this.#random.once(3) ? [] : [['transaction', transaction]];
  }

  /** Refused by the contract, softly or not. */
  #senseless(): readonly [command: string, headers: readonly Header[], body?: string] {
    const random = this.#random;
    const id: Header = ['id', random.pick(IDS)];
    const transaction: Header = ['transaction', random.pick(TRANSACTIONS)];
    const message = (roomId: string, content: string) => JSON.stringify({ roomId, content });
    const send: Header = ['destination', '/pub/send/message'];
    const somewhere = random.pick(['/topic/none', '/pub/none', '/queue/x', ROOM + PLACES.room, '/topic/**']);
    return random.pick([
      ['SEND', [send], message(PLACES.foreign, 'x')],
      ['SEND', [send, transaction], message(PLACES.hidden, 'x')],
      ['SEND', [send], message(PLACES.room, '')],
      ['SEND', [send, ['content-type', 'text/plain']], 'x'],
      ['SEND', [['destination', somewhere], transaction], 'x'],
      ['SEND', [['destination', '/pub/session/token']], '{"accessToken":"x"}'],
      ['SUBSCRIBE', [id, ['destination', somewhere]]],
      ['SUBSCRIBE', [id, ['destination', ROOM + PLACES.foreign]]],
      ['SUBSCRIBE', [id, ['destination', ROOM + PLACES.hidden]]],
      ['SUBSCRIBE', [id, ['destination', ROOM + PLACES.room], ['ack', 'none']]],
      ['SUBSCRIBE', [id, ['destination', ROOM + PLACES.room], ['ack', 'client'], ['prefetch', '99999999']]],
      [
        'SUBSCRIBE',
        [id, ['destination', ROOM + PLACES.room], ['from-seq', random.pick(['0', '-1', '999999'])]],
      ],
      ['SUBSCRIBE', [id, ['destination', '/user/queue/errors'], ['ack', random.pick(['auto', 'client'])]]],
      ['UNSUBSCRIBE', [id]],
      ['ACK', [['id', '1_none'], ['message-id', 'none'], ['subscription', '0'], transaction]],
      ['BEGIN', [transaction]],
      ['COMMIT', [transaction]],
      ['ABORT', [transaction]],
      ['CONNECT', [['accept-version', '1.2']]],
    ] as const);
  }
}

function changed(good: Buffer, random: Random): Buffer {
  // The first octet of an input says how to read it; here the frames alone count.
  const input = Uint8Array.from([0, ...good]);
  return Buffer.from(mutate(input, random, Uint8Array.from([0, ...randomFrame(random)])).subarray(1));
}

/** Headers that other versions can't write, or that are the server's own. */
function odd(random: Random): readonly Header[] {
  const headers: readonly Header[] = [
    ['x-colon', 'a:b'],
    ['x-break', 'a\nb'],
    ['x-backslash', '\\n'],
    ['message-id', 'mine'],
    ['subscription', '9'],
    ['content-type', 'text/plain'],
  ];
  return headers.filter(() => random.once(4));
}

function escaped(value: string, version: Scenario['version']): string {
  if (version === '1.0') return value.replaceAll('\n', ' ');
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(':', '\\c');
}

/** WebSocket frames that must not be, and octets that are none. */
function randomWire(random: Random): string {
  const payload = random.octets(random.below(20));
  const frame = wireFrame(payload, {
    fin: !random.once(3),
    rsv: random.once(3) ? random.below(8) : 0,
    opcode: random.below(16),
    masked: !random.once(4),
    ...(random.once(3)
      ? { length: { form: random.pick([16, 64] as const), value: BigInt(payload.length) } }
      : {}),
  });
  return Buffer.from(random.once(4) ? random.octets(random.below(40)) : frame).toString('latin1');
}
