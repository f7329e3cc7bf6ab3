// The writes as they pass between threads: what each takes, and what comes of it.
import type { MessageCreated, Reading, Role, Room } from '@maru/contract';
import type { Refusal } from './refusal.ts';
import type { Steps } from './steps.ts';
import type { Appended, Committed, NewEntry, NewMessage, NewRoom, Person } from './store.ts';

/** Every write: what it takes and what its promise resolves with. */
export type Writes = {
  /** Nothing, but through to the disk: whether it takes anything. */
  probe: { input: null; output: null };
  enterUser: { input: Person & { readonly issuer: string; readonly subject: string }; output: null };
  createRoom: { input: NewRoom; output: Room };
  updateRoom: {
    input: { readonly roomId: string; readonly actor: Person; readonly name: string };
    output: Room;
  };
  deleteRoom: { input: { readonly roomId: string; readonly actor: Person }; output: null };
  openDirect: {
    input: { readonly caller: Person; readonly other: Person };
    output: { readonly room: Room; readonly created: boolean };
  };
  appendMessage: { input: NewMessage; output: Appended<MessageCreated> };
  append: { input: readonly NewEntry[]; output: readonly Appended[] };
  join: { input: { readonly roomId: string; readonly person: Person; readonly role: Role }; output: boolean };
  leave: { input: { readonly roomId: string; readonly userId: string }; output: boolean };
  markRead: {
    input: { readonly roomId: string; readonly userId: string; readonly seq: number };
    output: Reading & { readonly moved: boolean };
  };
};
export type WriteName = keyof Writes;
export type WriteRequest<K extends WriteName = WriteName> = {
  [N in K]: { readonly name: N; readonly input: Writes[N]['input'] };
}[K];

/** `committed`: the entries it wrote, in order; for `onCommitted` once the batch is durable. */
export type Written<Output> = { readonly value: Output; readonly committed: readonly Committed[] };
export type WriteOutcome<K extends WriteName = WriteName> = Written<Writes[K]['output']> | Refusal;
export type WriteOperations = {
  readonly [N in WriteName]: (input: Writes[N]['input']) => WriteOutcome<N>;
};
/** The writes as they are written down; `WriteOperations` are these, driven on SQLite. */
export type WriteRules = {
  readonly [N in WriteName]: (input: Writes[N]['input']) => Steps<WriteOutcome<N>>;
};

/** What one entry of an `append` comes to. */
export type AppendOutcome = Written<Appended> | Refusal;
/** How an entry of each kind is appended. */
export type EntryAppends = {
  readonly [K in NewEntry['kind']]: (entry: Extract<NewEntry, { kind: K }>) => Steps<AppendOutcome>;
};

export function perform<K extends WriteName>(
  operations: { readonly [N in K]: (input: Writes[N]['input']) => WriteOutcome<N> },
  request: WriteRequest<K>,
): WriteOutcome<K> {
  return operations[request.name](request.input);
}

/** The steps of one write. */
export function stepsOf<K extends WriteName>(
  rules: { readonly [N in K]: (input: Writes[N]['input']) => Steps<WriteOutcome<N>> },
  request: WriteRequest<K>,
): Steps<WriteOutcome<K>> {
  return rules[request.name](request.input);
}
