// The connection's states: what every event leads to.
import { describe, expect, test } from 'vitest';
import {
  type ConnectionEvent,
  type ConnectionState,
  nextState,
  TRANSITIONS,
} from '../src/connection-state.ts';

const states = Object.keys(TRANSITIONS) as ConnectionState[];

function after(...events: ConnectionEvent[]): ConnectionState {
  return events.reduce<ConnectionState>((state, event) => nextState(state, event) ?? state, 'idle');
}

describe('connection state', () => {
  test('a lost connection waits, tries again and is connected', () => {
    expect(after('connect', 'opened', 'lost')).toBe('waiting');
    expect(after('connect', 'opened', 'lost', 'retry')).toBe('connecting');
    expect(after('connect', 'opened', 'lost', 'retry', 'opened')).toBe('connected');
  });

  test('a refused connection is not tried again until the application connects', () => {
    expect(after('connect', 'refuse', 'retry', 'lost', 'opened')).toBe('refused');
    expect(after('connect', 'refuse', 'connect')).toBe('connecting');
  });

  test('a closed connection stays closed whatever comes', () => {
    for (const event of Object.keys(TRANSITIONS.closed) as ConnectionEvent[]) {
      expect(nextState('closed', event)).toBeNull();
    }
  });

  test('every state but closed can be closed, and every state can be reached', () => {
    for (const state of states) expect(nextState(state, 'close')).toBe(state === 'closed' ? null : 'closed');
    const reached = new Set<ConnectionState>(['idle']);
    for (const state of reached) {
      for (const next of Object.values(TRANSITIONS[state])) if (next !== null) reached.add(next);
    }
    expect([...reached].sort()).toEqual([...states].sort());
  });
});
