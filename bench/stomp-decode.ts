// How many frames does the decoder read in a second of one CPU, and how many does @stomp/stompjs's parser?
// Run: node bench/stomp-decode.ts. Both get the same octets, in turns.
// CPU time and not the clock, so that other work on the machine does not count; the collector's threads do.
import { cpus } from 'node:os';
import { Parser } from '@stomp/stompjs';
import { DEFAULT_FRAME_LIMITS, FrameDecoder } from '../packages/stomp/src/index.ts';

const CHUNK_OCTETS = 64 * 1024;
const ROUND_MS = 400;
const ROUNDS = 7;
const encoder = new TextEncoder();

const send = (body: string) => {
  const octets = encoder.encode(body).length;
  return `SEND\ndestination:/pub/send/message\ncontent-type:application/json\ncontent-length:${octets}\n\n${body}\0`;
};

const FRAMES = {
  'SEND 180 octets': () =>
    send('{"roomId":"r-7Hq2mZ","content":"hello there, how are you today?","clientMessageId":"0001-abcd"}'),
  'SUBSCRIBE 62 octets': () => 'SUBSCRIBE\nid:sub-0\ndestination:/topic/chat/room/01\nack:auto\n\n\0',
  'SEND, UTF-8 body': () =>
    send('{"roomId":"r-7Hq2mZ","content":"안녕하세요, 오늘 기분이 어떠세요? 😀","clientMessageId":"0001"}'),
  // One line of each head was never seen before: strings have to be made.
  'SEND, distinct receipts': (n: number) =>
    send('{"roomId":"r-7Hq2mZ","content":"hello there, how are you today?"}').replace(
      '\ncontent-type',
      `\nreceipt:message-${n}\ncontent-type`,
    ),
};

function chunkOf(frame: (n: number) => string): {
  chunk: Uint8Array<ArrayBuffer>;
  frames: number;
  octets: number;
} {
  const octets = encoder.encode(frame(0)).length;
  const frames = Math.floor(CHUNK_OCTETS / octets);
  const text = Array.from({ length: frames }, (_, n) => frame(n)).join('');
  return { chunk: encoder.encode(text), frames, octets };
}

type Reader = { push(chunk: Uint8Array<ArrayBuffer>): void; readonly read: () => number };

function ours(): Reader {
  let read = 0;
  const decoder = new FrameDecoder({
    limits: DEFAULT_FRAME_LIMITS,
    onFrame: (frame) => {
      if (frame.headers.get('destination') !== undefined) read++;
    },
  });
  decoder.version = '1.2';
  return { push: (chunk) => decoder.push(chunk), read: () => read };
}

function theirs(): Reader {
  let read = 0;
  const parser = new Parser(
    (frame) => {
      if (frame.headers.some(([name]) => name === 'destination')) read++;
    },
    () => {},
  );
  return { push: (chunk) => parser.parseChunk(chunk.buffer), read: () => read };
}

/** Million frames a CPU second, once. Checks that each frame came out, with its destination. */
function round(create: () => Reader, chunk: Uint8Array<ArrayBuffer>, frames: number): number {
  const reader = create();
  let pushed = 0;
  const end = performance.now() + ROUND_MS;
  const before = process.cpuUsage();
  while (performance.now() < end) {
    for (let i = 0; i < 5; i++) reader.push(chunk);
    pushed += 5;
  }
  const { user, system } = process.cpuUsage(before);
  if (reader.read() !== pushed * frames) throw new Error(`${reader.read()} of ${pushed * frames} frames`);
  return reader.read() / (user + system);
}

const medianOf = (rates: readonly number[]): number =>
  rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0;

console.log(
  `${cpus()[0]?.model} × ${cpus().length}, Node ${process.version}; medians of ${ROUNDS} rounds in turns`,
);
for (const [name, frame] of Object.entries(FRAMES)) {
  const { chunk, frames, octets } = chunkOf(frame);
  round(ours, chunk, frames); // Warms up.
  round(theirs, chunk, frames);
  const rates = { ours: [] as number[], theirs: [] as number[] };
  for (let turn = 0; turn < ROUNDS; turn++) {
    rates.ours.push(round(ours, chunk, frames));
    rates.theirs.push(round(theirs, chunk, frames));
  }
  const [own, other] = [medianOf(rates.ours), medianOf(rates.theirs)];
  console.log(
    `${name} (${octets} octets): ${own.toFixed(2)} M frames/s; stompjs ${other.toFixed(2)}; ${(own / other).toFixed(1)} times`,
  );
}
