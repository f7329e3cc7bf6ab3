// How a hostile client goes about it, and how what became of it is told.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ERRORS, type ErrorCode } from '@maru/contract';
import { type FrameParts, RawSocket } from '../packages/server/test/session/raw-socket.ts';

export type Target = {
  readonly port: number;
  readonly token: string;
  /** A room of the attackers' own. */
  readonly roomId: string;
};

export type Attack = {
  readonly name: string;
  readonly ends: readonly string[];
  /** At most so often a target; else as long as the others go on. */
  readonly times?: number;
  /** Connections that one run opens; 1 if absent. */
  readonly connections?: number;
  readonly only?: 'gateway';
  /** @returns how it ended */
  run(target: Target): Promise<string>;
};

const authorized = ({ token }: Target): string[] => [`Authorization: Bearer ${token}`];

export async function upgraded(target: Target, extra: readonly string[] = []): Promise<RawSocket> {
  const socket = RawSocket.upgrade(target.port, [...authorized(target), ...extra]);
  const head = await Promise.race([socket.head, socket.closed.then(() => 'HTTP/1.1 000')]);
  if (!head.startsWith('HTTP/1.1 101')) throw new Refused(head);
  return socket;
}

export class Refused extends Error {
  readonly end: string;

  constructor(head: string) {
    super(head);
    this.end = `HTTP ${head.slice('HTTP/1.1 '.length, 'HTTP/1.1 000'.length)}`;
  }
}

export async function connected(target: Target): Promise<RawSocket> {
  const socket = await upgraded(target);
  socket.write(`CONNECT\naccept-version:1.2\nhost:x\nAuthorization:Bearer ${target.token}\n\n\0`);
  const answer = await socket.text();
  if (!answer.startsWith('CONNECTED')) throw new Error(`CONNECT was answered ${answer}`);
  return socket;
}

/** `ERROR code, close` or `close code`; `cut`: no Close came. */
export async function endOf(socket: RawSocket): Promise<string> {
  const close = await socket.closeCode();
  const error = socket.frames
    .filter(({ opcode }) => opcode === 1)
    .map(({ payload }) => /^ERROR\n(?:.*\n)*?code:(.*)\n/.exec(payload.toString())?.[1])
    .find((code) => code !== undefined);
  if (close === undefined) return 'cut';
  return error === undefined ? `close ${close}` : `ERROR ${error}, ${close}`;
}

export const errorEnd = (code: ErrorCode) => `ERROR ${code}, ${ERRORS[code].close}`;

/** Frames sent after CONNECT are refused with this code. */
export function frames(name: string, code: ErrorCode, octets: (target: Target) => string | Buffer): Attack {
  return {
    name,
    ends: [errorEnd(code)],
    run: async (target) => {
      const socket = await connected(target);
      socket.write(octets(target), { opcode: 2 });
      return endOf(socket);
    },
  };
}

/** A WebSocket frame, before CONNECT or after it, that ws or the meter refuses. */
export function wire(name: string, end: string, payload: string | Buffer, parts: FrameParts): Attack {
  let turn = 0;
  return {
    name,
    ends: [end],
    run: async (target) => {
      const socket = await (turn++ % 2 === 0 ? upgraded(target) : connected(target));
      socket.write(payload, parts);
      return endOf(socket);
    },
  };
}

/** A request that is no upgrade, or not quite. */
export function request(
  name: string,
  ends: readonly string[],
  octets: (target: Target) => string | Buffer,
): Attack {
  return { name, ends, run: (target) => answerTo(target, octets(target)) };
}

/** The status of the answer, or `cut`; ends the connection. */
export async function answerTo({ port }: Target, octets: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on('error', () => resolve('cut')).on('close', () => resolve('cut'));
  socket.on('data', (chunk) =>
    resolve(/^HTTP\/1\.1 (\d+)/.test(String(chunk)) ? `HTTP ${String(chunk).slice(9, 12)}` : 'nonsense'),
  );
  socket.write(octets);
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

export const head = ({ port, token }: Target, ...lines: string[]) =>
  [
    'GET /chat HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    `Authorization: Bearer ${token}`,
    ...lines,
  ].join('\r\n');

export const send = (body: string, headers = '') =>
  `SEND\ndestination:/pub/send/message\n${headers}\n${body}\0`;
export const message = ({ roomId }: Target, content: string) => JSON.stringify({ roomId, content });

/** Does much and goes; nothing of it is forbidden, or the server may end it first. */
export async function much(socket: RawSocket, octets: Buffer, times: number): Promise<string> {
  for (let n = 0; n < times && !socket.socket.destroyed; n++) await socket.flood(octets);
  const { destroyed } = socket.socket;
  if (destroyed) return endOf(socket);
  socket.socket.resetAndDestroy();
  return 'went';
}

/** Between two runs of an attack, so that all of them together stay below the rate of connects of one address. */
const REST_MS = 150;

/** Runs an attack until `until`; @returns what was wrong, if anything was, and how many connections it made. */
export async function runAttack(
  attack: Attack,
  target: Target,
  until: number,
): Promise<{ readonly wrong: string | undefined; readonly connections: number; readonly runs: number }> {
  const { name, ends, times = Number.POSITIVE_INFINITY, connections = 1 } = attack;
  let runs = 0;
  let wrong: string | undefined;
  while (wrong === undefined && runs < times && (runs === 0 || performance.now() < until)) {
    const end = await attack
      .run(target)
      .catch((error: Error) => (error instanceof Refused ? error.end : String(error)));
    // A refusal at the door is always one of the answers.
    if (!ends.includes(end) && end !== 'HTTP 429') wrong = `${name}: ${end} instead of ${ends.join(' or ')}`;
    runs += 1;
    await pause(REST_MS);
  }
  return { wrong, connections: runs * connections, runs };
}
