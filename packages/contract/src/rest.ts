// The REST calls of the chat service: their paths, what they take and what they answer.
import { z } from 'zod';
import { ID_PATTERN } from './destinations.ts';
import { chatMessageSchema, clientMessageIdSchema, contentSchema, mentionsSchema } from './messages.ts';
import { isPlainText, PLAIN_TEXT_RULE } from './plain-text.ts';

const id = z.string().regex(ID_PATTERN, 'must be an id of letters, digits, _ and -');

export const visibilitySchema = z.enum(['public', 'private']);
export type Visibility = z.infer<typeof visibilitySchema>;

export const roleSchema = z.enum(['owner', 'member']);
export type Role = z.infer<typeof roleSchema>;

export const roomNameSchema = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(80, 'must not be longer than 80 characters')
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode', abort: true })
  .refine(isPlainText, PLAIN_TEXT_RULE);

export const createRoomSchema = z.strictObject({ name: roomNameSchema, visibility: visibilitySchema });
export type CreateRoom = z.infer<typeof createRoomSchema>;

/** Body of PATCH room: at least one thing to change. */
export const updateRoomSchema = z.strictObject({ name: roomNameSchema });
export type UpdateRoom = z.infer<typeof updateRoomSchema>;

/** How far the caller has read a room, and what is left. */
const readingShape = {
  readSeq: z.int().describe("The caller's read marker; 0 for who isn't a member"),
  unread: z.int().describe('Messages created after it'),
  unreadMentions: z.int().describe('Those of them that mention the caller; 100 at most'),
};
export const readingSchema = z.object(readingShape);
export type Reading = z.infer<typeof readingSchema>;

export const roomSchema = z.object({
  roomId: id,
  name: z.string().describe("Of a direct room: the other person's"),
  visibility: visibilitySchema,
  createdAt: z.iso.datetime(),
  ownerId: z.string(),
  memberCount: z.int(),
  role: roleSchema.nullable().describe("The caller's role; null for a public room the caller isn't in"),
  head: z.int().describe("The seq of the room's last entry"),
  logEpoch: z
    .string()
    .describe('Changes when a backup was restored: seqs of another epoch mean nothing here'),
  directWith: z.string().nullable().describe('The other person of a direct room; null for any other room'),
  lastMessage: chatMessageSchema.nullable().describe('In its current state, without reactions'),
  ...readingShape,
});
export type Room = z.infer<typeof roomSchema>;

/** Body of a MESSAGE on `/user/queue/rooms`: how the caller's list of rooms has changed. */
export const roomListEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('room.added'), roomId: id, room: roomSchema }),
  z.object({ type: z.literal('room.removed'), roomId: id }),
  z.object({
    type: z.literal('room.updated'),
    roomId: id,
    name: z.string(),
    head: z.int(),
    lastMessage: chatMessageSchema.nullable(),
    ...readingShape,
  }),
]);
export type RoomListEvent = z.infer<typeof roomListEventSchema>;

export const listRoomsQuerySchema = z.strictObject({
  scope: z.enum(['joined', 'public']).default('joined'),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});
export const roomPageSchema = z.object({
  rooms: z.array(roomSchema),
  nextCursor: z.string().nullable().describe('Give it as cursor for the next page; null on the last'),
});
export type RoomPage = z.infer<typeof roomPageSchema>;

export const roomParamsSchema = z.strictObject({ roomId: id });
export const memberParamsSchema = z.strictObject({ roomId: id, userId: z.string().min(1).max(128) });

export const memberSchema = z.object({
  userId: z.string(),
  name: z.string(),
  role: roleSchema,
  joinedAt: z.iso.datetime(),
});
export type Member = z.infer<typeof memberSchema>;

export const listMembersQuerySchema = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
});
export const memberPageSchema = z.object({
  members: z.array(memberSchema),
  nextCursor: z.string().nullable(),
});
export type MemberPage = z.infer<typeof memberPageSchema>;

/** Body of POST members: nothing to join a public room oneself; an owner names whom to add. */
export const addMemberSchema = z.strictObject({
  userId: z.string().min(1).max(128).optional(),
  role: roleSchema.optional(),
});

export const listMessagesQuerySchema = z
  .strictObject({
    before: z.coerce.number().int().min(1).optional(),
    after: z.coerce.number().int().min(0).optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
  })
  .refine(
    (query) => query.before === undefined || query.after === undefined,
    'give before or after, not both',
  );
export const messagePageSchema = z.object({
  messages: z.array(chatMessageSchema).describe('Ascending by seq, in their current state'),
  hasMore: z.boolean().describe('There are more messages in the direction asked for'),
  head: z.int().optional().describe('The log up to this seq made their state what it is'),
});
export type MessagePage = z.infer<typeof messagePageSchema>;

/** Body of POST messages; the room is in the path, the Idempotency-Key header is the clientMessageId. */
export const postMessageSchema = z.strictObject({
  content: contentSchema,
  clientMessageId: clientMessageIdSchema.optional(),
  replyTo: id.optional(),
  mentions: mentionsSchema.optional(),
});
/** Body of PATCH message: another content for a message of one's own. */
export const patchMessageSchema = z.strictObject({ content: contentSchema });
export const messageParamsSchema = z.strictObject({ roomId: id, messageId: id });
export const idempotencyKeySchema = clientMessageIdSchema;

/** Body of PUT read. */
export const putReadSchema = z.strictObject({ seq: z.int().min(0) });

/** Body of POST direct. */
export const directRoomSchema = z.strictObject({ userId: z.string().min(1).max(128) });

export const searchQuerySchema = z.strictObject({
  q: z.string().trim().min(1, 'must not be empty').max(200),
  roomId: id.optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(50).default(20),
});
export const searchPageSchema = z.object({
  messages: z.array(chatMessageSchema).describe('Newest first'),
  nextCursor: z.string().nullable(),
});
export type SearchPage = z.infer<typeof searchPageSchema>;

export const listUsersQuerySchema = z.strictObject({
  query: z.string().trim().min(1).max(80),
  limit: z.coerce.number().int().min(1).max(50).default(20),
});
export const userSchema = z.object({ userId: z.string(), name: z.string() });
export type User = z.infer<typeof userSchema>;
export const userListSchema = z.object({ users: z.array(userSchema) });

export const meSchema = z.object({ userId: z.string(), name: z.string(), roles: z.array(z.string()) });
export type Me = z.infer<typeof meSchema>;

/** The shape of every HTTP error of the gateway and the chat service. */
export const httpErrorSchema = z.object({
  statusCode: z.int(),
  code: z.string(),
  error: z.string(),
  message: z.string(),
  requestId: z.string(),
});
export type HttpError = z.infer<typeof httpErrorSchema>;
