// What a STOMP body holds: the application messages that clients SEND, and the entries of a room's log.
import { z } from 'zod';
import { ID_PATTERN } from './destinations.ts';
import { MAX_CONTENT_OCTETS } from './limits.ts';

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

/** Body of SEND `/pub/send/message`. */
export const sendMessageSchema = z.strictObject({
  roomId: id,
  content: contentSchema,
  clientMessageId: clientMessageIdSchema.optional(),
  replyTo: id.optional(),
});
export type SendMessage = z.infer<typeof sendMessageSchema>;

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
  content: z.string(),
  clientMessageId: z.string().optional(),
  replyTo: z.string().optional(),
});
export type MessageCreated = z.infer<typeof messageCreatedSchema>;

const memberEntry = { ...entryHead, userId: z.string(), userName: z.string() };
export const memberJoinedSchema = z.object({
  type: z.literal('member.joined'),
  ...memberEntry,
  role: z.enum(['owner', 'member']),
});
export const memberLeftSchema = z.object({ type: z.literal('member.left'), ...memberEntry });

/** An entry of a room's log, as the body of a MESSAGE on the room's destination. */
export const roomEntrySchema = z.discriminatedUnion('type', [
  messageCreatedSchema,
  memberJoinedSchema,
  memberLeftSchema,
]);
export type RoomEntry = z.infer<typeof roomEntrySchema>;

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
