// A client program as a child process: told what to do, listened to, ended by its pid.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Inbox } from '../inbox.ts';
import type { Command, Event } from './dialogue.ts';

type Kind = Event['event'];
type EventOf<K extends Kind> = Extract<Event, { event: K }>;

export class ClientProgram {
  /** The exit code, or null if a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #inboxes: { readonly [K in Kind]: Inbox<EventOf<K>> } = {
    connected: new Inbox(),
    receipt: new Inbox(),
    message: new Inbox(),
    error: new Inbox(),
    closed: new Inbox(),
  };
  readonly #killWithUs = () => this.#child.kill('SIGKILL');
  #stderr = '';

  constructor([command, ...args]: readonly [string, ...string[]]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    process.once('exit', this.#killWithUs);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    // Whoever ended early tells it by its exit code.
    this.#child.stdin?.on('error', () => undefined);
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#read(line));
    }
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code) => {
        process.off('exit', this.#killWithUs);
        this.#endInboxes(`ended with code ${code}`);
        resolve(code);
      });
    });
    this.exited.catch((error: Error) => this.#endInboxes(`did not start: ${error.message}`));
  }

  /** What it wrote for people to read. */
  get stderr(): string {
    return this.#stderr;
  }

  do(command: Command): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** The next event of a kind; rejects when the program has ended without it. */
  next<K extends Kind>(kind: K): Promise<EventOf<K>> {
    return this.#inboxes[kind].next();
  }

  take<K extends Kind>(kind: K, count: number): Promise<EventOf<K>[]> {
    return this.#inboxes[kind].take(count);
  }

  /** How many have come and were not taken. */
  untaken(kind: Kind): number {
    return this.#inboxes[kind].size;
  }

  kill(): void {
    this.#killWithUs();
  }

  #read(line: string): void {
    const event = JSON.parse(line) as Event;
    // The compiler can't see that an event and its inbox are of one kind.
    (this.#inboxes[event.event] as Inbox<Event>).push(event);
  }

  #endInboxes(how: string): void {
    const story = new Error(`The client program ${how}; it said:\n${this.#stderr}`);
    for (const inbox of Object.values(this.#inboxes)) inbox.end(story);
  }
}
