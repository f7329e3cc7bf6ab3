// Inputs for fuzzing the decoder: made of what frames are made of, then changed where it hurts.
import { COMMANDS, type Command, SUPPORTED_VERSIONS, type Version } from '../src/index.ts';
import { octets } from './frames.ts';
import type { Random } from './fuzz-random.ts';

/** Longer ones say nothing that these don't: the small limits of the oracle are far below. */
const MOST_OCTETS = 6_000;

const commands = Object.keys(COMMANDS) as Command[];

/** What a change is likely to matter by: separators, escapes, lengths around the oracle's limits, and their relatives. */
const TOKENS: readonly Uint8Array[] = [
  ...commands.map((command) => `${command}\n`),
  ...['\n', '\r\n', '\r', '\0', ':', '\n\n', '\n\n\0', '\0\n', '\0\0', ' ', '\t', '\\', '\ufeff'],
  ...['\\n', '\\r', '\\c', '\\\\', '\\t', '\\0', '\\', '\\\r', '\\\n'],
  ...['content-length:', 'content-length:0\n', 'content-length:1\n', 'content-length: 7 \n'],
  ...['content-length:99999999999999999999\n', 'content-length:-1\n', 'content-length:1e1\n'],
  ...['content-length:2000\n', 'content-length:1900\n', 'Content-Length:3\n', 'content-length:03\n'],
  ...['accept-version:1.0,1.1,1.2\n', 'accept-version:1.1\n', 'accept-version:9\n', 'accept-version:\n'],
  ...['version:1.2\n', 'version:1.1\n', 'Authorization:', 'authorization:', 'AUTHORIZATION: '],
  ...['destination:/topic/a\n', 'id:0\n', 'receipt:r\n', ':\n', ':x\n', 'x:\n', 'a:b:c\n', 'é:가\n'],
  ...[79, 80, 81].map((length) => `h:${'x'.repeat(length - 2)}\n`),
  ...[159, 160, 161].map((length) => `authorization:${'x'.repeat(length - 14)}\n`),
  ...[9, 10, 11].map((count) => 'h:v\n'.repeat(count)),
  ...['x'.repeat(63), 'y'.repeat(255), 'z'.repeat(1_999)],
]
  .map(octets)
  .concat(
    [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80], [0x7f]].map(
      (bad) => Uint8Array.from(bad),
    ),
  );

function randomText(random: Random): string {
  if (random.once(3)) return random.pick(['', 'a', '/topic/chat/room/x', '1.2', '10000,10000', 'é', '가😀']);
  const letters = ['a', 'Z', '0', ' ', '-', '\\n', '\\c', '\\\\', '\\r', 'ü', '한', '😀', '\t'];
  return Array.from({ length: random.below(12) }, () => random.pick(letters)).join('');
}

/** A frame that mostly follows the grammar. */
export function randomFrame(random: Random): Uint8Array {
  const command = random.pick(commands);
  const body = random.once(2) ? random.octets(random.below(random.once(8) ? 1_500 : 40)) : new Uint8Array();
  const eol = random.once(6) ? '\r\n' : '\n';
  const lines = Array.from({ length: random.below(random.once(6) ? 13 : 5) }, () =>
    random.once(9) ? randomText(random) : `${randomText(random) || 'n'}:${randomText(random)}`,
  );
  if (random.once(3))
    lines.push(`content-length:${body.length + (random.once(6) ? random.below(5) - 2 : 0)}`);
  if (command === 'CONNECT' && random.once(2))
    lines.push(`accept-version:${random.pick(SUPPORTED_VERSIONS)}`);
  const head = octets([command, ...lines, '', ''].join(eol));
  return joined([head, COMMANDS[command].body || random.once(9) ? body : new Uint8Array(), Uint8Array.of(0)]);
}

/** An input of nothing but itself; the first octet says how it is to be read, see fuzz-oracle.ts. */
export function randomInput(random: Random): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(random.below(256))];
  for (let n = random.below(5); n >= 0; n--) {
    parts.push(random.once(8) ? random.pick(TOKENS) : randomFrame(random));
  }
  return joined(parts);
}

const CHANGES: readonly ((input: Uint8Array, random: Random, other: Uint8Array) => Uint8Array)[] = [
  (input, random) => spliced(input, at(input, random), 0, random.pick(TOKENS)),
  (input, random) => spliced(input, at(input, random), 0, random.pick(TOKENS)),
  (input, random) => spliced(input, at(input, random), random.below(20), random.pick(TOKENS)),
  (input, random) => spliced(input, at(input, random), 1 + random.below(random.once(4) ? 200 : 4)),
  (input, random) => spliced(input, at(input, random), 1, random.octets(1)),
  (input, random) => {
    const place = at(input, random);
    return spliced(input, place, 1, Uint8Array.of((input[place] ?? 0) ^ (1 << random.below(8))));
  },
  // A number one more or less: content-length is where this hurts.
  (input, random) => {
    const digits = [...input.keys()].filter(
      (place) => (input[place] ?? 0) >= 0x30 && (input[place] ?? 0) <= 0x39,
    );
    const place = digits.length === 0 ? 0 : random.pick(digits);
    return spliced(input, place, 1, Uint8Array.of((input[place] ?? 0) + (random.once(2) ? 1 : -1)));
  },
  // A piece once more, perhaps often.
  (input, random) => {
    const from = at(input, random);
    const piece = input.subarray(from, from + 1 + random.below(random.once(4) ? 200 : 20));
    const times = random.once(5) ? 1 + random.below(30) : 1;
    return spliced(input, from, 0, joined(Array(times).fill(piece)));
  },
  (input, random) => spliced(input, at(input, random), 0, randomFrame(random)),
  // The end of another one.
  (input, random, other) => joined([input.subarray(0, at(input, random)), other.subarray(at(other, random))]),
  (input, random) => joined([Uint8Array.of(random.below(256)), input.subarray(1)]),
];

/** `input` with a few changes; `other` may lend parts. */
export function mutate(input: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let changed = input;
  for (let n = random.below(random.once(5) ? 12 : 3); n >= 0; n--) {
    changed = random.pick(CHANGES)(changed, random, other);
  }
  return changed.slice(0, MOST_OCTETS);
}

function at(input: Uint8Array, random: Random): number {
  return Math.min(1 + random.below(input.length), input.length);
}

function spliced(
  input: Uint8Array,
  place: number,
  out: number,
  into: Uint8Array = new Uint8Array(),
): Uint8Array {
  return joined([input.subarray(0, place), into, input.subarray(place + out)]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}

/** How the first octet says that the rest is to be read. */
export type Reading = {
  readonly version: Version | undefined;
  readonly from: 'client' | 'server';
  readonly small: boolean;
};

export function readingOf(input: Uint8Array): Reading {
  const first = input[0] ?? 0;
  return {
    version: [undefined, ...SUPPORTED_VERSIONS][first & 3],
    from: (first & 4) === 0 ? 'client' : 'server',
    small: (first & 8) === 0,
  };
}
