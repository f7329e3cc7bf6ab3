// The REST calls: their method, path and body as the contract has them.
import { describe, expect, test } from 'vitest';
import type { RestClient } from '../src/rest-client.ts';
import { useAnn } from './ann.ts';

const CALLS: readonly (readonly [(rest: RestClient) => Promise<unknown>, string])[] = [
  [(rest) => rest.me(), 'GET /api/me'],
  [(rest) => rest.listRooms('joined', { limit: 5 }), 'GET /api/rooms?scope=joined&limit=5'],
  [
    (rest) => rest.createRoom({ name: 'The porch', visibility: 'public' }),
    'POST /api/rooms {"name":"The porch","visibility":"public"}',
  ],
  [(rest) => rest.findRoom('r2'), 'GET /api/rooms/r2'],
  [(rest) => rest.updateRoom('r1', { name: 'The loft' }), 'PATCH /api/rooms/r1 {"name":"The loft"}'],
  [(rest) => rest.deleteRoom('r1'), 'DELETE /api/rooms/r1'],
  [(rest) => rest.joinRoom('r1'), 'POST /api/rooms/r1/members {}'],
  [(rest) => rest.addMember('r1', 'u2'), 'POST /api/rooms/r1/members {"userId":"u2"}'],
  [(rest) => rest.removeMember('r1', 'a/b'), 'DELETE /api/rooms/r1/members/a%2Fb'],
  [(rest) => rest.listMembers('r1', { cursor: 'c' }), 'GET /api/rooms/r1/members?cursor=c'],
  [(rest) => rest.markRead('r1', 7), 'PUT /api/rooms/r1/read {"seq":7}'],
  [(rest) => rest.openDirect('u2'), 'POST /api/direct {"userId":"u2"}'],
  [(rest) => rest.listUsers('하늘', 5), `GET /api/users?query=${encodeURIComponent('하늘')}&limit=5`],
  [(rest) => rest.search({ q: 'a b', roomId: 'r1' }), 'GET /api/search?q=a+b&roomId=r1'],
  [(rest) => rest.listMessages('r1', { before: 9 }), 'GET /api/rooms/r1/messages?before=9'],
];

describe('REST client', () => {
  const ann = useAnn();

  test('each call is the one of the contract', async () => {
    for (const [call, expected] of CALLS) {
      await call(ann.rest);
      expect(ann.gateway.calls.at(-1)).toBe(expected);
    }
  });

  test('an answer of the server is told by its code and status', async () => {
    ann.gateway.tokenStatus = 503;
    await expect(ann.rest.me()).rejects.toMatchObject({ status: 503, code: 'unexpected-answer' });
  });
});
