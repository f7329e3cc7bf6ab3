// The heart-beat header and what two of them agree on (STOMP 1.2 §Heart-beating).
import { FrameError } from './errors.ts';

/** One side's header, in ms; 0: cannot, or does not want. */
export type HeartBeat = {
  /** How often this side can send: the first number. */
  readonly outgoing: number;
  /** How often this side would like to hear: the second number. */
  readonly incoming: number;
};

/** How often each direction is used, in ms; 0: not at all. */
export type HeartBeatPeriods = { readonly clientToServer: number; readonly serverToClient: number };

export const NO_HEART_BEAT: HeartBeat = { outgoing: 0, incoming: 0 };

/** A longer period would overflow the timers of every JavaScript runtime and fire at once. */
const LONGEST_PERIOD = 2 ** 31 - 1;

/**
 * Two non-negative decimal integers and a comma, nothing else; no header means `0,0`. A number past what a timer can
 * wait becomes the longest that it can.
 * @throws FrameError `malformed-header`
 */
export function parseHeartBeat(value: string | undefined): HeartBeat {
  if (value === undefined) return NO_HEART_BEAT;
  const [, outgoing, incoming] = /^([0-9]+),([0-9]+)$/.exec(value) ?? [];
  if (outgoing === undefined || incoming === undefined) {
    throw new FrameError('malformed-header', 'heart-beat must be two non-negative integers and a comma');
  }
  return {
    outgoing: Math.min(Number(outgoing), LONGEST_PERIOD),
    incoming: Math.min(Number(incoming), LONGEST_PERIOD),
  };
}

export function formatHeartBeat(heartBeat: HeartBeat): string {
  return `${heartBeat.outgoing},${heartBeat.incoming}`;
}

/**
 * What a server that never beats faster than `floor` announces. Both sides then compute periods of at least `floor`,
 * whatever the client asked for.
 */
export function clampHeartBeat(heartBeat: HeartBeat, floor: number): HeartBeat {
  const clamp = (period: number) => (period === 0 ? 0 : Math.max(period, floor));
  return { outgoing: clamp(heartBeat.outgoing), incoming: clamp(heartBeat.incoming) };
}

/** Each direction beats at the slower of what the sender can and the receiver wants; not at all if either is 0. */
export function negotiateHeartBeat(
  client: HeartBeat,
  server: HeartBeat,
  options: { readonly floor: number } = { floor: 0 },
): HeartBeatPeriods {
  const { outgoing, incoming } = clampHeartBeat(server, options.floor);
  return {
    clientToServer: period(client.outgoing, incoming),
    serverToClient: period(outgoing, client.incoming),
  };
}

function period(offered: number, wanted: number): number {
  return offered === 0 || wanted === 0 ? 0 : Math.max(offered, wanted);
}
