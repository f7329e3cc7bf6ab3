// The writes as they pass between threads: what each takes, and what comes of it.
import type { Role, Room } from '@maru/contract';
import type { Appended, Committed, NewMessage, NewRoom, Person } from './store.ts';
import type { WireError } from './wire-error.ts';

/** Every write: what it takes and what its promise resolves with. */
export type Writes = {
  enterUser: { input: Person & { readonly issuer: string; readonly subject: string }; output: null };
  createRoom: { input: NewRoom; output: Room };
  appendMessage: { input: NewMessage; output: Appended };
  appendMessages: { input: readonly NewMessage[]; output: readonly Appended[] };
  join: { input: { readonly roomId: string; readonly person: Person; readonly role: Role }; output: boolean };
  leave: { input: { readonly roomId: string; readonly userId: string }; output: boolean };
};
export type WriteName = keyof Writes;
export type WriteRequest<K extends WriteName = WriteName> = {
  [N in K]: { readonly name: N; readonly input: Writes[N]['input'] };
}[K];

/** `committed`: the entries it wrote, in order; for `onCommitted` once the batch is durable. */
type Written<Output> = { readonly value: Output; readonly committed: readonly Committed[] };
export type WriteOutcome<K extends WriteName = WriteName> =
  | Written<Writes[K]['output']>
  | { readonly error: WireError };
export type WriteOperations = {
  readonly [N in WriteName]: (input: Writes[N]['input']) => WriteOutcome<N>;
};

export function perform<K extends WriteName>(
  operations: { readonly [N in K]: (input: Writes[N]['input']) => WriteOutcome<N> },
  request: WriteRequest<K>,
): WriteOutcome<K> {
  return operations[request.name](request.input);
}
