// The states of a followed room, and which event leads from which to which.

/**
 * - *idle* nothing is loaded, and there is no connection.
 * - *loading* the newest page of history is on its way.
 * - *resuming* SUBSCRIBE has left, from the last seq that was delivered; its RECEIPT hasn't come.
 * - *catching-up* the RECEIPT told the head; entries up to it are still coming.
 * - *live* all is delivered, and entries come as they are made.
 * - *waiting* the server can't just now, or left a hole: the pause before the next SUBSCRIBE, from the same place.
 * - *paused* loaded, but there is no connection.
 * - *over* closed, refused, or ended by the server.
 */
export type RoomState =
  | 'idle'
  | 'loading'
  | 'resuming'
  | 'catching-up'
  | 'live'
  | 'waiting'
  | 'paused'
  | 'over';

/**
 * `attach` a connection is there · `detach` it is gone · `loaded` history came and was delivered · `receipt` of SUBSCRIBE ·
 * `head` the head of the RECEIPT is delivered · `disturbed` refused for now, or an entry is missing · `retry` the pause is
 * over · `reset` the log is another one than the one that was delivered · `end` nothing more is wanted, or to be had.
 */
export type RoomEvent =
  | 'attach'
  | 'detach'
  | 'loaded'
  | 'receipt'
  | 'head'
  | 'disturbed'
  | 'retry'
  | 'reset'
  | 'end';

const NOTHING: Record<RoomEvent, RoomState | null> = {
  attach: null,
  detach: null,
  loaded: null,
  receipt: null,
  head: null,
  disturbed: null,
  retry: null,
  reset: null,
  end: null,
};

/** What can happen to a subscription at any time. */
const SUBSCRIBED = {
  ...NOTHING,
  detach: 'paused',
  disturbed: 'waiting',
  reset: 'loading',
  end: 'over',
} as const;

/** `null`: the event means nothing in this state and is ignored. */
export const ROOM_TRANSITIONS = {
  idle: { ...NOTHING, attach: 'loading', end: 'over' },
  // What is on its way is dropped with the connection: nothing of it has been delivered yet.
  loading: { ...NOTHING, detach: 'idle', loaded: 'resuming', end: 'over' },
  resuming: { ...SUBSCRIBED, receipt: 'catching-up' },
  'catching-up': { ...SUBSCRIBED, head: 'live' },
  live: SUBSCRIBED,
  waiting: { ...NOTHING, detach: 'paused', retry: 'resuming', end: 'over' },
  paused: { ...NOTHING, attach: 'resuming', end: 'over' },
  over: NOTHING,
} as const satisfies Record<RoomState, Record<RoomEvent, RoomState | null>>;

export function nextRoomState(state: RoomState, event: RoomEvent): RoomState | null {
  return ROOM_TRANSITIONS[state][event];
}
