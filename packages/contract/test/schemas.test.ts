// What clients may send: each field at its limit and one past it, and nothing that is not named.
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import {
  addMemberSchema,
  clientMessageIdSchema,
  contentSchema,
  createRoomSchema,
  listMembersQuerySchema,
  listMessagesQuerySchema,
  listRoomsQuerySchema,
  memberParamsSchema,
  postMessageSchema,
  roomEntrySchema,
  roomParamsSchema,
  sendMessageSchema,
} from '../src/index.ts';

const takes = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

describe('content', () => {
  test.each([
    ['one character', 'a', true],
    ['nothing', '', false],
    ['16,384 octets of ASCII', 'a'.repeat(16_384), true],
    ['16,385 octets of ASCII', 'a'.repeat(16_385), false],
    ['5,461 syllables', '가'.repeat(5_461), true],
    ['5,461 syllables and a letter', `${'가'.repeat(5_461)}a`, true],
    ['5,461 syllables and two letters', `${'가'.repeat(5_461)}ab`, false],
    ['4,096 emoji', '😀'.repeat(4_096), true],
    ['4,097 emoji', '😀'.repeat(4_097), false],
    ['a NUL and line breaks', 'a\0\r\n', true],
    ['a letter among white space', ' \t\na\u3000', true],
    ['a space', ' ', false],
    ['white space of every kind', ' \t\r\n\v\f\u00a0\u2003\u2028\u3000\ufeff', false],
    ['half a surrogate pair', 'a\ud83d', false],
    ['the other half', '\ude00', false],
    ['a number', 1, false],
    ['null', null, false],
  ])('%s: %j', (_what, value, taken) => {
    expect(takes(contentSchema, value)).toBe(taken);
  });
});

describe('client message id', () => {
  test.each([
    ['a', true],
    ['!~'.repeat(32), true],
    [`${'!~'.repeat(32)}x`, false],
    ['', false],
    ['a b', false],
    ['a\n', false],
    ['é', false],
    ['\x7f', false],
  ])('%j is taken: %s', (value, taken) => {
    expect(takes(clientMessageIdSchema, value)).toBe(taken);
  });
});

describe('room name', () => {
  test.each([
    ['x', true],
    ['가'.repeat(80), true],
    ['가'.repeat(81), false],
    [` ${'가'.repeat(80)} `, true],
    ['', false],
    [' \t\n', false],
    ['\ud800', false],
    ['마루 🪵 👩‍👩‍👧', true],
    ['שלום', true],
    ['Maru\n', true],
  ])('%j is taken: %s', (name, taken) => {
    expect(takes(createRoomSchema, { name, visibility: 'public' })).toBe(taken);
  });

  test.each([
    ['a line end', 'Maru\nYard'],
    ['a NUL', 'Maru\0'],
    ['an escape sequence', 'Maru\u001b[31m'],
    ['a line separator', 'Maru\u2028Yard'],
    ['a right-to-left override', '\u202egpj.exe'],
    ['an isolate without end', 'Maru\u2066'],
  ])('%s in it is refused, with the reason', (_what, name) => {
    const { error } = createRoomSchema.safeParse({ name, visibility: 'public' });
    expect(error?.issues).toMatchObject([
      { path: ['name'], message: 'must not hold control characters, line breaks or bidirectional controls' },
    ]);
  });

  test('blanks around it are dropped', () => {
    expect(createRoomSchema.parse({ name: ' a b ', visibility: 'private' }).name).toBe('a b');
  });
});

describe('bodies and queries', () => {
  const good: [string, z.ZodType, Record<string, unknown>][] = [
    ['sendMessage', sendMessageSchema, { roomId: 'r', content: 'x' }],
    ['postMessage', postMessageSchema, { content: 'x' }],
    ['createRoom', createRoomSchema, { name: 'x', visibility: 'public' }],
    ['addMember', addMemberSchema, { userId: 'u', role: 'owner' }],
    ['listRooms', listRoomsQuerySchema, { scope: 'public', cursor: 'c', limit: '5' }],
    ['listMembers', listMembersQuerySchema, { limit: '5' }],
    ['listMessages', listMessagesQuerySchema, { before: '5' }],
    ['roomParams', roomParamsSchema, { roomId: 'r' }],
    ['memberParams', memberParamsSchema, { roomId: 'r', userId: 'anyone@example.com' }],
  ];
  test.each(good)('%s takes what it names and nothing more', (_name, schema, value) => {
    expect(takes(schema, value)).toBe(true);
    expect(takes(schema, { ...value, more: 1 })).toBe(false);
    expect(takes(schema, JSON.parse(`{"__proto__":{},${JSON.stringify(value).slice(1)}`))).toBe(false);
    for (const other of [null, [], 'x', 1, undefined]) expect(takes(schema, other)).toBe(false);
  });

  test.each([
    [sendMessageSchema, { roomId: 'r'.repeat(64), content: 'x', replyTo: 'm'.repeat(64) }, true],
    [sendMessageSchema, { roomId: 'r'.repeat(65), content: 'x' }, false],
    [sendMessageSchema, { roomId: 'r', content: 'x', replyTo: 'm'.repeat(65) }, false],
    [sendMessageSchema, { roomId: 'r/x', content: 'x' }, false],
    [sendMessageSchema, { roomId: 'r', content: 'x', senderId: 'bob' }, false],
    [memberParamsSchema, { roomId: 'r', userId: 'u'.repeat(128) }, true],
    [memberParamsSchema, { roomId: 'r', userId: 'u'.repeat(129) }, false],
    [memberParamsSchema, { roomId: 'r', userId: '' }, false],
    [listRoomsQuerySchema, { limit: '100' }, true],
    [listRoomsQuerySchema, { limit: '101' }, false],
    [listRoomsQuerySchema, { limit: '0' }, false],
    [listRoomsQuerySchema, { limit: 'x' }, false],
    [listRoomsQuerySchema, { cursor: 'c'.repeat(200) }, true],
    [listRoomsQuerySchema, { cursor: 'c'.repeat(201) }, false],
    [listRoomsQuerySchema, { scope: 'all' }, false],
    [listMembersQuerySchema, { limit: '200' }, true],
    [listMembersQuerySchema, { limit: '201' }, false],
    [listMessagesQuerySchema, { limit: '200', after: '0' }, true],
    [listMessagesQuerySchema, { limit: '201' }, false],
    [listMessagesQuerySchema, { before: '0' }, false],
    [listMessagesQuerySchema, { after: '-1' }, false],
    [listMessagesQuerySchema, { before: '1', after: '1' }, false],
  ] as const)('limits: %#', (schema, value, taken) => {
    expect([value, takes(schema, value)]).toEqual([value, taken]);
  });

  test('what is left out has its default', () => {
    expect(listRoomsQuerySchema.parse({})).toEqual({ scope: 'joined', limit: 50 });
    expect(listMembersQuerySchema.parse({})).toEqual({ limit: 100 });
    expect(listMessagesQuerySchema.parse({})).toEqual({ limit: 50 });
  });

  test("an entry of a log is one of the contract's, with a seq from 1", () => {
    const head = { roomId: 'r', seq: 1, createdAt: '2026-01-02T03:04:05.678Z' };
    const person = { userId: 'u', userName: 'U' };
    const message = {
      type: 'message.created',
      messageId: 'm',
      senderId: 'u',
      senderName: 'U',
      content: 'x',
      ...head,
    };
    expect(takes(roomEntrySchema, message)).toBe(true);
    expect(takes(roomEntrySchema, { type: 'member.joined', role: 'owner', ...person, ...head })).toBe(true);
    expect(takes(roomEntrySchema, { type: 'member.left', ...person, ...head })).toBe(true);
    expect(takes(roomEntrySchema, { ...message, seq: 0 })).toBe(false);
    expect(takes(roomEntrySchema, { ...message, createdAt: 'yesterday' })).toBe(false);
    expect(takes(roomEntrySchema, { ...message, type: 'message.imagined' })).toBe(false);
  });
});
