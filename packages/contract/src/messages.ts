// What a STOMP body holds: the application messages that clients SEND, and the entries of a room's log.
import { z } from 'zod';
import { ID_PATTERN } from './destinations.ts';
import { MAX_CONTENT_OCTETS, MAX_MENTIONS } from './limits.ts';

const id = z.string().regex(ID_PATTERN, 'must be an id of letters, digits, _ and -');

const textEncoder = new TextEncoder();

export const contentSchema = z
  .string()
  .min(1, 'must not be empty')
  .regex(/\S/, 'must not be only white space')
  .refine(
    (text) => text.length * 3 <= MAX_CONTENT_OCTETS || textEncoder.encode(text).length <= MAX_CONTENT_OCTETS,
    `must not be longer than ${MAX_CONTENT_OCTETS} octets of UTF-8`,
  )
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode')
  .describe(`Text, 1 to ${MAX_CONTENT_OCTETS} octets of UTF-8, not only white space`);

export const clientMessageIdSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .describe("The sender's own id: the same id again is stored and broadcast once");

/** Who is meant by a message; members of its room. */
export const mentionsSchema = z
  .array(z.string().min(1).max(128))
  .max(MAX_MENTIONS, `must not name more than ${MAX_MENTIONS} people`)
  .refine((userIds) => new Set(userIds).size === userIds.length, 'must not name anybody twice')
  .describe('User ids of members of the room');

/** Any one emoji, also one of several code points (skin tones, families, flags). */
export const emojiSchema = z
  .string()
  .max(64)
  .regex(/^\p{RGI_Emoji}$/v, 'must be one emoji')
  .describe('One emoji (Unicode RGI_Emoji)');

/** Body of SEND `/pub/send/message`. */
export const sendMessageSchema = z.strictObject({
  roomId: id,
  content: contentSchema,
  clientMessageId: clientMessageIdSchema.optional(),
  replyTo: id.optional(),
  mentions: mentionsSchema.optional(),
});
export type SendMessage = z.infer<typeof sendMessageSchema>;

/** Body of SEND `/pub/edit/message`: a message of one's own gets another content. */
export const editMessageSchema = z.strictObject({ roomId: id, messageId: id, content: contentSchema });
export type EditMessage = z.infer<typeof editMessageSchema>;

/** Body of SEND `/pub/delete/message`: of one's own, or as an owner of the room of anyone's. */
export const deleteMessageSchema = z.strictObject({ roomId: id, messageId: id });
export type DeleteMessage = z.infer<typeof deleteMessageSchema>;

/** Body of SEND `/pub/react/message`. */
export const reactToMessageSchema = z.strictObject({
  roomId: id,
  messageId: id,
  emoji: emojiSchema,
  remove: z.boolean().optional(),
});
export type ReactToMessage = z.infer<typeof reactToMessageSchema>;

/** Body of SEND `/pub/typing`. */
export const typingSchema = z.strictObject({ roomId: id });
/** Body of SEND `/pub/read`: all up to this seq has been read. It never goes back, nor past the head. */
export const markReadSchema = z.strictObject({ roomId: id, seq: z.int().min(0) });
export type MarkRead = z.infer<typeof markReadSchema>;

/** Body of SEND `/pub/session/token`: a newer token of the same person, before the session's own ends. */
export const renewTokenSchema = z.strictObject({ accessToken: z.string().min(1) });
export type RenewToken = z.infer<typeof renewTokenSchema>;

const entryHead = {
  roomId: id,
  seq: z.int().positive().describe('1, 2, 3 … in the room; the log has no holes'),
  createdAt: z.iso.datetime(),
};

export const messageCreatedSchema = z.object({
  type: z.literal('message.created'),
  messageId: id,
  ...entryHead,
  senderId: z.string(),
  senderName: z.string(),
  content: z.string().nullable().describe('null: the message was deleted'),
  deleted: z.literal(true).optional(),
  clientMessageId: z.string().optional(),
  replyTo: z.string().optional(),
  mentions: z.array(z.string()).optional(),
});
export type MessageCreated = z.infer<typeof messageCreatedSchema>;

/** What is common to the entries about an earlier message: which, and whose doing. */
const aboutMessage = { messageId: id, ...entryHead, userId: z.string(), userName: z.string() };

export const messageEditedSchema = z.object({
  type: z.literal('message.edited'),
  ...aboutMessage,
  content: z.string().nullable().describe('null: the message was deleted'),
  deleted: z.literal(true).optional(),
});
export const messageDeletedSchema = z.object({ type: z.literal('message.deleted'), ...aboutMessage });
export const reactionAddedSchema = z.object({
  type: z.literal('reaction.added'),
  ...aboutMessage,
  emoji: z.string(),
});
export const reactionRemovedSchema = z.object({
  type: z.literal('reaction.removed'),
  ...aboutMessage,
  emoji: z.string(),
});

const memberEntry = { ...entryHead, userId: z.string(), userName: z.string() };
export const memberJoinedSchema = z.object({
  type: z.literal('member.joined'),
  ...memberEntry,
  role: z.enum(['owner', 'member']),
});
export const memberLeftSchema = z.object({ type: z.literal('member.left'), ...memberEntry });
export const roomUpdatedSchema = z.object({
  type: z.literal('room.updated'),
  ...memberEntry,
  name: z.string(),
});
/** The last entry of a log: nothing of the room is there any more. */
export const roomDeletedSchema = z.object({ type: z.literal('room.deleted'), ...memberEntry });

/** An entry of a room's log, as the body of a MESSAGE on the room's destination. */
export const roomEntrySchema = z.discriminatedUnion('type', [
  messageCreatedSchema,
  messageEditedSchema,
  messageDeletedSchema,
  reactionAddedSchema,
  reactionRemovedSchema,
  memberJoinedSchema,
  memberLeftSchema,
  roomUpdatedSchema,
  roomDeletedSchema,
]);
export type RoomEntry = z.infer<typeof roomEntrySchema>;
export type EntryType = RoomEntry['type'];

/** A message as history shows it: its `message.created` with all that came of it since. */
export const chatMessageSchema = messageCreatedSchema.extend({
  editedAt: z.iso.datetime().optional().describe('When it got the content it has now'),
  reactions: z
    .array(
      z.object({ emoji: z.string(), count: z.int(), mine: z.boolean().describe('The caller is among them') }),
    )
    .optional()
    .describe('In the order in which each emoji first came'),
});
export type ChatMessage = z.infer<typeof chatMessageSchema>;

/** Body of a MESSAGE on `/topic/rooms/{roomId}`: nothing of it is kept, and the newest of its kind is what counts. */
export const roomSignalSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('typing'), roomId: id, userId: z.string(), userName: z.string() }),
  z.object({ type: z.literal('read'), roomId: id, userId: z.string(), seq: z.int() }),
  z.object({ type: z.literal('presence'), roomId: id, userId: z.string(), online: z.boolean() }),
  z.object({
    type: z.literal('presence.list'),
    roomId: id,
    userIds: z
      .array(z.string())
      .describe(
        'Who listens now, 1,000 at most: sent to a new subscriber, and to all if many come or go at once',
      ),
  }),
]);
export type RoomSignal = z.infer<typeof roomSignalSchema>;

/** Body of an ERROR frame, and of a MESSAGE on `/user/queue/errors`. */
export const stompErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  destination: z.string().optional(),
  clientMessageId: z.string().optional(),
  receiptId: z.string().optional(),
  subscription: z.string().optional().describe('Of a subscription that the server has ended: its id'),
});
export type StompError = z.infer<typeof stompErrorSchema>;
