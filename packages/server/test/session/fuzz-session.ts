// The ground for the session fuzz: a whole chat service, two people who chat on, and what must be true of both at the end.

import { mapDestination } from '../../src/handlers/application-handler.ts';
import { defineHandlers } from '../../src/handlers/handler-module.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { FuzzClient } from './fuzz-client.ts';
import { PLACES, type Scenario } from './fuzz-scenario.ts';
import { bodyOf, type RawClient } from './raw-client.ts';

/** What a team might add: topics that clients send to, and an echo to oneself. */
const handlers = defineHandlers({
  destinations: [
    mapDestination({
      destination: '/pub/echo',
      handle: ({ principal, message, publish }) =>
        publish('/user/queue/echo', message, { to: principal.userId }),
    }),
  ],
  topics: [{ destination: '/topic/lobby/{name}', maySend: () => true }, { destination: '/user/queue/echo' }],
});

type Rooms = Readonly<Record<keyof typeof PLACES, string>>;

export class FuzzGround {
  readonly #chat: Chat;
  readonly #rooms: Rooms;
  readonly #quiet: string;
  readonly #writer: RawClient;
  readonly #reader: RawClient;
  readonly #listener: RawClient;
  #written = 0;
  #chatting: Promise<void>;
  #over = false;

  private constructor(
    chat: Chat,
    rooms: Rooms,
    quiet: string,
    clients: readonly [RawClient, RawClient, RawClient],
  ) {
    this.#chat = chat;
    this.#rooms = rooms;
    this.#quiet = quiet;
    [this.#writer, this.#reader, this.#listener] = clients;
    this.#chatting = this.#chatOn();
    this.#chatting.catch(() => undefined);
  }

  static async open(): Promise<FuzzGround> {
    const chat = await openChat({
      handlers,
      timing: { unfinishedFrameMs: 400, connectMs: 400, closeMs: 400, tickMs: 20 },
    });
    const rooms = {
      room: await chat.newRoom('listener', 'fuzz-0', 'fuzz-1', 'fuzz-2'),
      foreign: await chat.newRoom('writer'),
      hidden: await chat.newPrivateRoom('writer'),
    };
    const quiet = await chat.newRoom('writer', 'reader');
    const clients = [
      await chat.connect('writer'),
      await chat.connect('reader'),
      await chat.connect('listener'),
    ] as const;
    await clients[1].subscribe(quiet, '0');
    await clients[2].subscribe(rooms.room, '0');
    return new FuzzGround(chat, rooms, quiet, clients);
  }

  /**
   * @returns in a word how it ended
   * @throws Error that says what went wrong, for this client or in the log
   */
  async run(scenario: Scenario, lane = 0): Promise<string> {
    const user = `fuzz-${lane % 3}`;
    const ending = await FuzzClient.run(
      this.#placed(scenario),
      this.#chat.port,
      await this.#chat.token(user),
    );
    this.#judgeLog();
    return ending;
  }

  #placed(scenario: Scenario): Scenario {
    let text = JSON.stringify(scenario);
    for (const [place, name] of Object.entries(PLACES)) {
      text = text.replaceAll(name, this.#rooms[place as keyof typeof PLACES]);
    }
    return JSON.parse(text) as Scenario;
  }

  /** Ends it all. @throws Error that says what the bystanders missed, or what was left behind. */
  async close(): Promise<void> {
    this.#over = true;
    try {
      await this.#chatting;
      await this.#judgeReader();
      await this.#judgeListener();
      await this.#chat.hangUp();
      const { broker, clock, endpoint } = this.#chat;
      const left = { subscriptions: broker.subscriptions, sessions: endpoint.sessions, clocks: clock.size };
      if (Object.values(left).some((count) => count > 0))
        throw new Error(`left behind: ${JSON.stringify(left)}`);
      this.#judgeLog();
    } finally {
      await this.#chat.close();
    }
  }

  async #chatOn(): Promise<void> {
    while (!this.#over) {
      this.#writer.say(this.#quiet, `${this.#written}`, `${this.#written}`);
      await this.#writer.receipt(`${this.#written}`);
      this.#written += 1;
    }
  }

  async #judgeReader(): Promise<void> {
    const contents = (await this.#reader.messages(this.#written)).map((message) => bodyOf(message).content);
    const wrong = contents.findIndex((content, index) => content !== `${index}`);
    if (wrong !== -1) throw new Error(`of what was written message ${wrong} was heard as ${contents[wrong]}`);
  }

  /** The fuzzed room's own listener heard its log without a hole. */
  async #judgeListener(): Promise<void> {
    this.#listener.say(this.#rooms.room, 'the end', 'end');
    const end = Number((await this.#listener.receipt('end')).headers.get('seq'));
    const seqs: number[] = [];
    while ((seqs.at(-1) ?? 0) < end) {
      const [message] = await this.#listener.messages(1);
      if (message !== undefined) seqs.push(Number(message.headers.get('seq')));
    }
    const first = seqs[0] ?? 0;
    const hole = seqs.findIndex((seq, index) => seq !== first + index);
    if (hole !== -1) throw new Error(`the listener heard seq ${seqs[hole]} after ${seqs[hole - 1]}`);
  }

  /** No input is our fault, and none is worth a stack. */
  #judgeLog(): void {
    const lines = this.#chat.log.splice(0);
    const bad = lines.find(
      ({ level, err }) => Number(level) >= 50 || (Number(level) >= 30 && err !== undefined),
    );
    if (bad !== undefined) throw new Error(`logged: ${JSON.stringify(bad)}`);
  }
}
