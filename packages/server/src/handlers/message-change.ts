// What becomes of a message that a room has, as an entry of its log: edited, deleted, reacted to.
import { deleteMessageSchema, editMessageSchema, MaruError, reactToMessageSchema } from '@maru/contract';
import { z } from 'zod';
import type { Principal } from '../identity/principal.ts';
import type { NewEntry } from '../store/store.ts';
import { describeProblem, type MessageChange } from './application-handler.ts';

const changeSchema = z.discriminatedUnion('kind', [
  editMessageSchema.extend({ kind: z.literal('edit') }),
  deleteMessageSchema.extend({ kind: z.literal('delete') }),
  reactToMessageSchema.extend({ kind: z.literal('react') }),
]);

/** Whose doing it is comes from the session, never from the body. @throws MaruError `invalid-body` */
export function newChangeOf({ userId, name }: Principal, wanted: MessageChange): NewEntry {
  const { data: change, error } = changeSchema.safeParse(wanted);
  if (change === undefined) throw new MaruError('invalid-body', { message: describeProblem(error) });
  const sender = { userId, name };
  return change.kind === 'react'
    ? { ...change, sender, remove: change.remove ?? false }
    : { ...change, sender };
}
