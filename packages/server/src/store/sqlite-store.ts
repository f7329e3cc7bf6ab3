// The store on SQLite: chat.db in a folder, written by one thread and read by another.
import { extname } from 'node:path';
import type { Role, Room } from '@maru/contract';
import { AppendQueue, type Outcome } from './append-queue.ts';
import type { BackgroundSettings } from './background-work.ts';
import { createDataFolder } from './data-folder.ts';
import type { ReadName, ReadQueries, ReadRequest } from './read-queries.ts';
import { SqliteWorkerClient } from './sqlite-worker-client.ts';
import { StorageHealth, type StorageTrouble } from './storage-health.ts';
import type { Appended, Committed, NewEntry, NewMessage, NewRoom, Person, Store } from './store.ts';
import { decodeError } from './wire-error.ts';
import type { WriteName, WriteOutcome, WriteRequest, Writes } from './writes.ts';

/**
 * `thread-died`: nothing can be read or written any more. `listener-threw`: the store goes on. `background-failed`: it goes
 * on, but new messages are not indexed, or deleted ones not taken off the disk; it is tried again.
 */
export type StoreFailure = 'thread-died' | 'listener-threw' | 'background-failed';

export type SqliteStoreOptions = {
  readonly folder: string;
  /**
   * Most writes in one transaction, each entry of an `append` counted. What a commit costs is the pages it writes, and
   * entries of one room share theirs: 256 take as many milliseconds as 128 in 100 busy rooms (bench/append.ts). Default 256.
   */
  readonly batchLimit?: number;
  /** Most writes accepted and not yet durable, entries counted; past it `overloaded`. Default 10,000. */
  readonly queueLimit?: number;
  /** Most reads waiting for the reader thread; past it `overloaded`. Default 10,000. */
  readonly readLimit?: number;
  /** Default: nobody is told. */
  readonly onFailure?: (failure: StoreFailure, error: Error) => void;
  /** The disk or the file fails: once when it begins, and once with `null` when it works again. Default: nobody is told. */
  readonly onStorage?: (trouble: StorageTrouble | null) => void;
  /** Milliseconds from such a failure to the first try whether it has passed (storage-health.ts). Default 1,000. */
  readonly probeMs?: number;
  /** Milliseconds from a deletion until no file of the folder has what was deleted, when nothing holds it up. Default 3,000. */
  readonly eraseWithinMs?: number;
  /** Milliseconds from the deletion of a room until it begins to go off the disk. Default 60,000. */
  readonly purgeAfterMs?: number;
};

type Writer = SqliteWorkerClient<readonly WriteRequest[], readonly WriteOutcome[]>;
type Reader = SqliteWorkerClient<ReadRequest, ReturnType<ReadQueries[ReadName]>>;
type WriteOutput = Writes[WriteName]['output'];

/** The file beside this one: `.ts` in the workspace, `.js` where it is built. */
function threadUrl(name: string): URL {
  return new URL(`./${name}${extname(import.meta.filename)}`, import.meta.url);
}

/** Makes the folder and chat.db if they are missing. Rejects with an Error that says what is wrong and where. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { folder, batchLimit = 256, queueLimit = 10_000, readLimit = 10_000 } = options;
  const { onFailure = () => {}, onStorage = () => {}, probeMs = 1_000 } = options;
  const settings: BackgroundSettings = {
    eraseWithinMs: options.eraseWithinMs ?? 3_000,
    purgeAfterMs: options.purgeAfterMs ?? 60_000,
  };
  createDataFolder(folder);
  const writer: Writer = new SqliteWorkerClient({
    url: threadUrl('sqlite-writer'),
    name: 'maru-store-writer',
    folder,
    settings,
    // The queue sends one batch at a time; it is the bound.
    requestLimit: 1,
  });
  // Begun together, most of the time goes into loading the threads; opened in turn: the writer makes the tables.
  const reader: Reader = new SqliteWorkerClient({
    url: threadUrl('sqlite-reader'),
    name: 'maru-store-reader',
    folder,
    requestLimit: readLimit,
  });
  try {
    await writer.open();
    await reader.open();
    return new SqliteStore(writer, reader, { batchLimit, queueLimit, onFailure, onStorage, probeMs });
  } catch (error) {
    await Promise.all([reader.close(), writer.close()]);
    throw error;
  }
}

class SqliteStore implements Store {
  readonly #writer: Writer;
  readonly #reader: Reader;
  readonly #queue: AppendQueue<WriteRequest, WriteOutput>;
  readonly #onFailure: (failure: StoreFailure, error: Error) => void;
  readonly #health: StorageHealth;
  #listener: (entries: readonly Committed[]) => void = () => {};
  #failed = false;
  #closed: Promise<void> | undefined;

  constructor(
    writer: Writer,
    reader: Reader,
    options: Required<Omit<SqliteStoreOptions, 'folder' | 'readLimit' | keyof BackgroundSettings>>,
  ) {
    this.#writer = writer;
    this.#reader = reader;
    this.#onFailure = options.onFailure;
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
    for (const thread of [writer, reader]) thread.onError((error) => this.#health.observe(error));
    writer.onTrouble((error) => {
      if (error.code === 'storage-unavailable') this.#health.observe(error);
      else this.#onFailure('background-failed', error);
    });
    for (const thread of [writer, reader]) void thread.died.then((error) => this.#fail(error));
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
    // The reader first: while it is there the write-ahead log cannot be emptied.
    try {
      await this.#reader.close();
    } finally {
      await this.#writer.close();
    }
  }

  /** The writer answers each request with the output that `Writes` names for it. */
  #write<K extends WriteName>(
    request: WriteRequest<K> & WriteRequest,
    weight?: number,
  ): Promise<Writes[K]['output']> {
    return this.#queue.enqueue(request, weight) as Promise<Writes[K]['output']>;
  }

  /** The reader answers each request with what the function of its name returns. */
  #read<K extends ReadName>(request: ReadRequest<K> & ReadRequest): Promise<ReturnType<ReadQueries[K]>> {
    return this.#reader.request(request) as Promise<ReturnType<ReadQueries[K]>>;
  }

  /** Rejects only when the writer thread is dead. */
  async #commit(batch: readonly WriteRequest[]): Promise<readonly Outcome<WriteOutput>[]> {
    const outcomes = await this.#writer.request(batch);
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
      this.#onFailure('listener-threw', error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Half a store is of no use to anyone: the other thread goes too, and whoever waits for it is told. */
  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    void this.#writer.terminate(error);
    void this.#reader.terminate(error);
    this.#onFailure('thread-died', error);
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
