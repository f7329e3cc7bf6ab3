// A store over any database: its writes as requests through the append queue, its reads as requests beside them.
import type { MaruError, Role, Room } from '@maru/contract';
import { AppendQueue, type Outcome } from './append-queue.ts';
import type { ReadName, ReadQueries, ReadRequest } from './read-queries.ts';
import { StorageHealth, type StorageTrouble } from './storage-health.ts';
import type { Appended, Committed, NewEntry, NewMessage, NewRoom, Person, Store } from './store.ts';
import { decodeError } from './wire-error.ts';
import type { WriteName, WriteOutcome, WriteRequest, Writes } from './writes.ts';

/** What holds the data: writes come one batch at a time, reads whenever. */
export type Database = {
  /** Makes a batch durable: one outcome for each write, in order. Rejects only when nothing can be written any more. */
  commit(batch: readonly WriteRequest[]): Promise<readonly WriteOutcome[]>;
  /** Answers what the read of this name does. */
  read(request: ReadRequest): Promise<ReadResult>;
  close(): Promise<void>;
};

export type QueuedStoreOptions = {
  readonly batchLimit: number;
  readonly queueLimit: number;
  readonly probeMs: number;
  readonly onStorage: (trouble: StorageTrouble | null) => void;
  readonly onListenerError: (error: Error) => void;
};

type ReadResult = ReturnType<ReadQueries[ReadName]>;
type WriteOutput = Writes[WriteName]['output'];

export class QueuedStore implements Store {
  readonly #database: Database;
  readonly #queue: AppendQueue<WriteRequest, WriteOutput>;
  readonly #health: StorageHealth;
  readonly #onListenerError: (error: Error) => void;
  #listener: (entries: readonly Committed[]) => void = () => {};
  #closed: Promise<void> | undefined;

  constructor(database: Database, options: QueuedStoreOptions) {
    this.#database = database;
    this.#onListenerError = options.onListenerError;
    this.#queue = new AppendQueue({
      commit: (batch) => this.#commit(batch),
      batchLimit: options.batchLimit,
      queueLimit: options.queueLimit,
    });
    this.#health = new StorageHealth({
      probe: () => Promise.all([this.#write({ name: 'probe', input: null }), this.findUser('')]),
      probeMs: options.probeMs,
      onChange: options.onStorage,
    });
  }

  /** An error of the database that no caller hears of. */
  observe(error: MaruError): void {
    this.#health.observe(error);
  }

  get pending(): number {
    return this.#queue.pending;
  }

  async check(): Promise<void> {
    const { trouble } = this.#health;
    if (trouble !== null) throw new Error(trouble.problem, { cause: trouble.error });
    await this.findUser('');
  }

  onCommitted(listener: (entries: readonly Committed[]) => void): void {
    this.#listener = listener;
  }

  // Inputs are copied field by field: what a caller hung on them besides might not pass between threads.

  async enterUser(user: Person & { readonly issuer: string; readonly subject: string }): Promise<void> {
    const { userId, name, issuer, subject } = user;
    await this.#write({ name: 'enterUser', input: { userId, name, issuer, subject } });
  }

  createRoom({ name, visibility, owner }: NewRoom): Promise<Room> {
    return this.#write({ name: 'createRoom', input: { name, visibility, owner: personOf(owner) } });
  }

  updateRoom(roomId: string, actor: Person, { name }: { readonly name: string }): Promise<Room> {
    return this.#write({ name: 'updateRoom', input: { roomId, actor: personOf(actor), name } });
  }

  async deleteRoom(roomId: string, actor: Person): Promise<void> {
    await this.#write({ name: 'deleteRoom', input: { roomId, actor: personOf(actor) } });
  }

  openDirect(caller: Person, other: Person) {
    return this.#write({ name: 'openDirect', input: { caller: personOf(caller), other: personOf(other) } });
  }

  appendMessage(message: NewMessage) {
    return this.#write({ name: 'appendMessage', input: messageOf(message) });
  }

  async append(entries: readonly NewEntry[]): Promise<readonly Appended[]> {
    if (entries.length === 0) return [];
    return this.#write({ name: 'append', input: entries.map(entryOf) }, entries.length);
  }

  join(roomId: string, person: Person, role: Role): Promise<boolean> {
    return this.#write({ name: 'join', input: { roomId, person: personOf(person), role } });
  }

  leave(roomId: string, userId: string): Promise<boolean> {
    return this.#write({ name: 'leave', input: { roomId, userId } });
  }

  markRead(roomId: string, userId: string, seq: number) {
    return this.#write({ name: 'markRead', input: { roomId, userId, seq } });
  }

  findStanding(...args: Parameters<Store['findStanding']>) {
    return this.#read<'findStanding'>({ name: 'findStanding', args });
  }

  findRoom(...args: Parameters<Store['findRoom']>) {
    return this.#read<'findRoom'>({ name: 'findRoom', args });
  }

  findUser(...args: Parameters<Store['findUser']>) {
    return this.#read<'findUser'>({ name: 'findUser', args });
  }

  findUsers(...args: Parameters<Store['findUsers']>) {
    return this.#read<'findUsers'>({ name: 'findUsers', args });
  }

  findReading(...args: Parameters<Store['findReading']>) {
    return this.#read<'findReading'>({ name: 'findReading', args });
  }

  findMessage(...args: Parameters<Store['findMessage']>) {
    return this.#read<'findMessage'>({ name: 'findMessage', args });
  }

  listRooms(...args: Parameters<Store['listRooms']>) {
    return this.#read<'listRooms'>({ name: 'listRooms', args });
  }

  listMembers(...args: Parameters<Store['listMembers']>) {
    return this.#read<'listMembers'>({ name: 'listMembers', args });
  }

  listMessages(...args: Parameters<Store['listMessages']>) {
    return this.#read<'listMessages'>({ name: 'listMessages', args });
  }

  search(...args: Parameters<Store['search']>) {
    return this.#read<'search'>({ name: 'search', args });
  }

  listHeads(...args: Parameters<Store['listHeads']>) {
    return this.#read<'listHeads'>({ name: 'listHeads', args });
  }

  listEntries(...args: Parameters<Store['listEntries']>) {
    return this.#read<'listEntries'>({ name: 'listEntries', args });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#health.close();
    await this.#queue.close();
    await this.#database.close();
  }

  /** The database answers each request with the output that `Writes` names for it. */
  #write<K extends WriteName>(
    request: WriteRequest<K> & WriteRequest,
    weight?: number,
  ): Promise<Writes[K]['output']> {
    return this.#queue.enqueue(request, weight) as Promise<Writes[K]['output']>;
  }

  /** The database answers each request with what the function of its name returns. */
  #read<K extends ReadName>(request: ReadRequest<K> & ReadRequest): Promise<ReturnType<ReadQueries[K]>> {
    return this.#database.read(request) as Promise<ReturnType<ReadQueries[K]>>;
  }

  /** Rejects only when nothing can be written any more. */
  async #commit(batch: readonly WriteRequest[]): Promise<readonly Outcome<WriteOutput>[]> {
    const outcomes = await this.#database.commit(batch);
    const committed: Committed[] = [];
    const results = outcomes.map((outcome): Outcome<WriteOutput> => {
      if ('error' in outcome) {
        const error = decodeError(outcome.error);
        this.#health.observe(error);
        return { error };
      }
      committed.push(...outcome.committed);
      return outcome;
    });
    // Before the queue settles the promises of the writes.
    if (committed.length > 0) this.#report(committed);
    return results;
  }

  #report(committed: readonly Committed[]): void {
    try {
      this.#listener(committed);
    } catch (error) {
      this.#onListenerError(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function personOf({ userId, name }: Person): Person {
  return { userId, name };
}

function messageOf(message: NewMessage): NewMessage {
  const { roomId, sender, content, clientMessageId, replyTo, mentions } = message;
  return { roomId, sender: personOf(sender), content, clientMessageId, replyTo, mentions };
}

const ENTRIES = {
  message: (entry) => ({ kind: 'message', ...messageOf(entry) }),
  edit: (entry) => ({ kind: 'edit', ...aboutMessageOf(entry), content: entry.content }),
  delete: (entry) => ({ kind: 'delete', ...aboutMessageOf(entry) }),
  react: ({ emoji, remove, ...entry }) => ({ kind: 'react', ...aboutMessageOf(entry), emoji, remove }),
} as const satisfies { [K in NewEntry['kind']]: (entry: Extract<NewEntry, { kind: K }>) => NewEntry };

function entryOf<K extends NewEntry['kind']>(entry: Extract<NewEntry, { kind: K }>): NewEntry {
  const copy = ENTRIES[entry.kind] as (entry: Extract<NewEntry, { kind: K }>) => NewEntry;
  return copy(entry);
}

function aboutMessageOf({
  roomId,
  sender,
  messageId,
}: {
  roomId: string;
  sender: Person;
  messageId: string;
}) {
  return { roomId, sender: personOf(sender), messageId };
}
