// The states of a subscription to a room's log, and what leads from one to another.

/**
 * - *live*: at the head; fed by the room's fan-out, it costs nothing of its own.
 * - *catching-up*: behind the head; reads pages of the log, one in each of its turns.
 * - *paused*: behind, and there is no place for more: the socket is to drain, or the client to acknowledge.
 * - *closed*: nothing more is delivered.
 */
export type CursorState = 'live' | 'catching-up' | 'paused' | 'closed';

/**
 * - *entry*: one was appended to the log.
 * - *full*: no place for more.
 * - *room*: there are places again.
 * - *head*: all up to the head of the log is delivered.
 * - *over*: unsubscribed, the last entry was delivered, or the log could not be read.
 */
export type CursorEvent = 'entry' | 'full' | 'room' | 'head' | 'over';

export const CURSOR_STATES = {
  // `entry` is delivered by the fan-out; whoever has no place for it says `full` first, and it waits in the log.
  live: { entry: 'live', full: 'paused', room: 'live', head: 'live', over: 'closed' },
  'catching-up': {
    entry: 'catching-up',
    full: 'paused',
    room: 'catching-up',
    head: 'live',
    over: 'closed',
  },
  // Also at the head: only a turn of its own finds out that it is there.
  paused: { entry: 'paused', full: 'paused', room: 'catching-up', head: 'paused', over: 'closed' },
  closed: { entry: 'closed', full: 'closed', room: 'closed', head: 'closed', over: 'closed' },
} as const satisfies Record<CursorState, Record<CursorEvent, CursorState>>;
