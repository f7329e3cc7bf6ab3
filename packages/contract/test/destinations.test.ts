// Destinations are matched exactly: whatever is not a room's, to the octet, is no room's.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_PATTERN, isPattern, roomDestination, roomOfDestination } from '../src/index.ts';

const id = fc.stringMatching(ID_PATTERN);

describe('destinations', () => {
  test('S08 every room has one destination, and that destination names the room', () => {
    fc.assert(fc.property(id, (roomId) => roomOfDestination(roomDestination(roomId)) === roomId));
  });

  test('S08 no two destinations name the same room', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          id.map((roomId) => `/topic/chat/room/${roomId}`),
        ),
        (text) => {
          const roomId = roomOfDestination(text);
          return roomId === undefined || roomDestination(roomId) === text;
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each([
    '',
    '/',
    '/topic/chat/room',
    '/topic/chat/room/',
    '/topic/chat/room//x',
    '/topic/chat/room/x/',
    '/topic/chat/room/x/y',
    '/topic//chat/room/x',
    'topic/chat/room/x',
    ' /topic/chat/room/x',
    '/topic/chat/room/x ',
    '/topic/chat/room/x\n',
    '/topic/chat/room/x\0',
    '/Topic/chat/room/x',
    '/topic/chat/room/x.y',
    '/topic/chat/room/..',
    '/topic/chat/room/%78',
    '/topic/chat/room/x?y',
    '/topic/chat/room/é',
    '/topic/chat/room/ｘ',
    '/topic/chat/rooms/x',
    '/topic/rooms/x',
    '/queue/topic/chat/room/x',
    `/topic/chat/room/${'x'.repeat(65)}`,
  ])('S08 %j is no room', (destination) => {
    expect(roomOfDestination(destination)).toBe(undefined);
  });

  test('an id of 64 characters is one', () => {
    expect(roomOfDestination(`/topic/chat/room/${'x'.repeat(64)}`)).toBe('x'.repeat(64));
  });

  test.each(['*', '**', '/topic/*', '/topic/chat/room/?', '/topic/{id}', '/topic/>', '/topic/#', '}'])(
    'AZ04 %s is a pattern',
    (destination) => {
      expect(isPattern(destination)).toBe(true);
    },
  );

  test('no destination of a room is a pattern', () => {
    fc.assert(fc.property(id, (roomId) => !isPattern(roomDestination(roomId))));
  });
});
