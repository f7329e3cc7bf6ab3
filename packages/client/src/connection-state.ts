// The states of a chat connection, and which event leads from which to which.
import type { ClientErrorCode } from './client-error.ts';

export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'refused' | 'closed';

/**
 * `connect` the application asks · `opened` CONNECTED came · `lost` the connection ended or could not be made ·
 * `retry` the pause is over · `refuse` the server wants a new sign-in · `close` the application is done.
 */
export type ConnectionEvent = 'connect' | 'opened' | 'lost' | 'retry' | 'refuse' | 'close';

/** `null`: the event means nothing in this state and is ignored. */
export const TRANSITIONS: Record<ConnectionState, Record<ConnectionEvent, ConnectionState | null>> = {
  idle: {
    connect: 'connecting',
    opened: null,
    lost: null,
    retry: null,
    refuse: null,
    close: 'closed',
  },
  connecting: {
    connect: null,
    opened: 'connected',
    lost: 'waiting',
    retry: null,
    refuse: 'refused',
    close: 'closed',
  },
  connected: {
    connect: null,
    opened: null,
    lost: 'waiting',
    retry: null,
    refuse: 'refused',
    close: 'closed',
  },
  waiting: {
    connect: 'connecting',
    opened: null,
    lost: null,
    retry: 'connecting',
    refuse: 'refused',
    close: 'closed',
  },
  // Not retried by itself: repeating a refused token is the endless loop that this state exists to prevent.
  refused: {
    connect: 'connecting',
    opened: null,
    lost: null,
    retry: null,
    refuse: null,
    close: 'closed',
  },
  closed: { connect: null, opened: null, lost: null, retry: null, refuse: null, close: null },
};

export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState | null {
  return TRANSITIONS[state][event];
}

export type ConnectionStatus =
  | { readonly state: 'idle' | 'connecting' | 'connected' | 'closed' }
  /** The next try is at `retryAt` (milliseconds since the epoch); `attempt` counts from 1. */
  | { readonly state: 'waiting'; readonly retryAt: number; readonly attempt: number }
  | { readonly state: 'refused'; readonly code: ClientErrorCode };
