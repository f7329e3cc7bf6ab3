// The states of a followed room: what every event leads to.
import { describe, expect, test } from 'vitest';
import { nextRoomState, ROOM_TRANSITIONS, type RoomEvent, type RoomState } from '../src/room-state.ts';

const states = Object.keys(ROOM_TRANSITIONS) as RoomState[];
const events = Object.keys(ROOM_TRANSITIONS.idle) as RoomEvent[];

function after(...happened: RoomEvent[]): RoomState {
  return happened.reduce<RoomState>((state, event) => nextRoomState(state, event) ?? state, 'idle');
}

describe('the state of a followed room', () => {
  test('it is loaded, resumed from there, and live at the head', () => {
    expect(after('attach', 'loaded')).toBe('resuming');
    expect(after('attach', 'loaded', 'receipt', 'head')).toBe('live');
  });

  test('a lost connection begins a first load anew, and resumes what was loaded', () => {
    expect(after('attach', 'detach')).toBe('idle');
    for (const reached of [
      ['loaded'],
      ['loaded', 'receipt'],
      ['loaded', 'receipt', 'head'],
      ['loaded', 'disturbed'],
    ]) {
      const events = ['attach', ...reached, 'detach'] as RoomEvent[];
      expect(after(...events)).toBe('paused');
      expect(after(...events, 'attach')).toBe('resuming');
    }
  });

  test('only what is subscribed can be reset, and is then loaded', () => {
    const resettable = states.filter((state) => nextRoomState(state, 'reset') !== null);
    expect(resettable).toEqual(['resuming', 'catching-up', 'live']);
    for (const state of resettable) expect(nextRoomState(state, 'reset')).toBe('loading');
  });

  test('every state but over can end, over is left by nothing, and every state can be reached', () => {
    for (const state of states) expect(nextRoomState(state, 'end')).toBe(state === 'over' ? null : 'over');
    for (const event of events) expect(nextRoomState('over', event)).toBeNull();
    const reached = new Set<RoomState>(['idle']);
    for (const state of reached) {
      for (const next of Object.values(ROOM_TRANSITIONS[state])) if (next !== null) reached.add(next);
    }
    expect([...reached].sort()).toEqual([...states].sort());
  });
});
