// A team's own destinations as clients meet them, in every version of STOMP: those of examples/handlers.ts, and a few more.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, type IMessage, Versions } from '@stomp/stompjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { Version } from './conformance/stomp-frame.ts';
import { Inbox } from './inbox.ts';
import { MaruProcess } from './maru-process.ts';
import { OctetStomp, type Octets } from './octet-stomp.ts';
import { createRoom, history, type Person, signUp } from './people.ts';
import { type Topology, useMaru } from './topology.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SETTINGS = { handlers: `${file('../examples/handlers.ts')},${file('./own-handlers.ts')}` };

const VERSIONS = ['1.0', '1.1', '1.2'] as const satisfies readonly Version[];
const ALL_OCTETS = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));

describe.each(['together', 'apart'] satisfies Topology[])("a team's own handlers, %s", (topology) => {
  const maru = useMaru(topology, SETTINGS);
  let ann: Person;
  let bo: Person;
  let eve: Person;
  let room: string;
  beforeAll(async () => {
    [ann, bo, eve] = await Promise.all([signUp(maru, 'Ann'), signUp(maru, '보 Bo'), signUp(maru, 'Eve')]);
    room = await createRoom(maru, ann, [bo], 'private');
  });

  const clients = new Set<{ drop(): void }>();
  afterAll(() => {
    for (const client of clients) client.drop();
  });
  const connect = async (person: Person, version?: Version) => {
    const client = await OctetStomp.connect(maru.chatUrl, person.token, version);
    clients.add(client);
    return client;
  };
  /** Hears refusals without being ended by them. */
  const connectSoftly = async (person: Person) => {
    const client = await connect(person);
    await client.subscribe('/user/queue/errors', 'errors');
    return client;
  };
  const denialIn = ({ body }: Octets) => JSON.parse(body.toString()) as Record<string, unknown>;
  let lobbies = 0;
  const newLobby = () => {
    lobbies += 1;
    return `/topic/lobby/${lobbies}`;
  };

  /** @stomp/stompjs as an application uses it, and all that comes to one subscription. */
  const connectStompJs = async (person: Person, destination: string, version: Version = '1.2') => {
    const stomp = new Client({
      webSocketFactory: () =>
        new WebSocket(maru.chatUrl, [`v${version.replace('.', '')}.stomp`], {
          headers: { Authorization: `Bearer ${person.token}` },
        }) as unknown as globalThis.WebSocket,
      stompVersions: new Versions([version]),
      reconnectDelay: 0,
    });
    const came = new Inbox<IMessage>();
    const ready = Promise.withResolvers<void>();
    stomp.onStompError = ({ headers }) => ready.reject(new Error(headers.message));
    stomp.onConnect = () => {
      stomp.watchForReceipt('ready', () => ready.resolve());
      stomp.subscribe(destination, (message) => came.push(message), { receipt: 'ready' });
    };
    stomp.activate();
    clients.add({ drop: () => stomp.forceDisconnect() });
    await ready.promise;
    return { stomp, came };
  };

  describe('a wave (an ephemeral broadcast)', () => {
    it('reaches every member who listens, in any version, and is not kept', async () => {
      const listening = await Promise.all(
        VERSIONS.map((version) => connectStompJs(bo, `/topic/wave/${room}`, version)),
      );
      const sender = await connect(ann);
      sender.send('SEND', { destination: `/pub/wave/${room}`, receipt: 'r' }, '{"emoji":"🌊"}');
      expect((await sender.expect('RECEIPT')).headers).toEqual({ 'receipt-id': 'r' });
      for (const { came } of listening) {
        const { headers, body } = await came.next();
        expect(JSON.parse(body)).toEqual({ from: 'Ann', emoji: '🌊' });
        expect(headers).toMatchObject({
          destination: `/topic/wave/${room}`,
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
          'message-id': expect.stringMatching(/^[\w-]+$/),
        });
      }
      expect((await history(maru, ann, room)).messages).toEqual([]);
      const late = await connect(ann);
      await late.subscribe(`/topic/wave/${room}`, '0');
      sender.send('SEND', { destination: `/pub/wave/${room}` }, '{}');
      expect(await late.texts(1)).toEqual(['{"from":"Ann","emoji":"👋"}']);
    });

    it('AZ03 is for members: nobody else may listen, or wave', async () => {
      const client = await connectSoftly(eve);
      client.send('SUBSCRIBE', { destination: `/topic/wave/${room}`, id: '0', receipt: 'r' });
      expect(denialIn(await client.expect('MESSAGE'))).toMatchObject({
        code: 'access-denied',
        receiptId: 'r',
      });
      client.send('SEND', { destination: `/pub/wave/${room}`, receipt: 'r' }, '{}');
      expect(denialIn(await client.expect('MESSAGE'))).toMatchObject({
        code: 'not-a-member',
        receiptId: 'r',
      });
    });

    it('has a body that its schema describes', async () => {
      const client = await connectSoftly(ann);
      const bodies = ['{"emoji":"hello"}', '{"emoji":"👋","to":"bo"}', '', Buffer.of(0x22, 0xff, 0x22)];
      for (const body of bodies) client.send('SEND', { destination: `/pub/wave/${room}` }, body);
      client.send('SEND', { destination: `/pub/wave/${room}`, 'content-type': 'text/plain' }, '{}');
      const codes = (await client.messages(5)).map((denial) => denialIn(denial).code);
      expect(codes).toEqual([...Array(4).fill('invalid-body'), 'unsupported-content-type']);
    });

    it('that comes too often is refused by the interceptor, in its words', async () => {
      const listener = await connect(ann);
      await listener.subscribe(`/topic/wave/${room}`, '0');
      const client = await connectSoftly(bo);
      for (let wave = 0; wave < 200; wave += 1) {
        client.send('SEND', { destination: `/pub/wave/${room}`, receipt: String(wave) }, '{}');
      }
      let refused = 0;
      for (let answers = 0; answers < 200; answers += 1) {
        const answer = await client.came.next();
        if (answer.command === 'RECEIPT') continue;
        refused += 1;
        expect(denialIn(answer)).toEqual({
          code: 'refused',
          message: 'Waving this fast is no waving',
          destination: `/pub/wave/${room}`,
          receiptId: String(answers),
        });
      }
      expect(refused).toBeGreaterThan(0);
      expect(await listener.texts(200 - refused)).toHaveLength(200 - refused);
    });
  });

  describe('an echo (to oneself)', () => {
    it.each(VERSIONS)(
      'S03 S06 S07 %s comes back with its user headers, content type and octets, to no one else',
      async (version) => {
        const [one, other, stranger] = [await connect(ann, version), await connect(ann), await connect(bo)];
        for (const client of [one, other, stranger]) await client.subscribe('/user/queue/echo', 'echo');
        const headers = { 'x-trace': '1', 이름: '마루 😀', empty: '' };
        const destination = '/pub/echo';
        one.send('SEND', { destination, ...headers, 'content-type': 'text/plain' }, '안녕 👋');
        one.send('SEND', { destination, ...headers, 'content-length': '256' }, ALL_OCTETS);
        for (const client of [one, other]) {
          const [text, octets] = await client.messages(2);
          expect(text).toMatchObject({ isBinary: false, body: Buffer.from('안녕 👋') });
          expect(text?.headers).toEqual({
            ...headers,
            subscription: 'echo',
            destination: '/user/queue/echo',
            'message-id': expect.any(String),
            'content-type': 'text/plain',
            'content-length': '11',
          });
          expect(octets).toMatchObject({ isBinary: true, body: ALL_OCTETS });
          expect(octets?.headers).toMatchObject({ ...headers, 'content-length': '256' });
          expect(octets?.headers).not.toHaveProperty('content-type');
        }
        // AZ05: what comes first to somebody else is their own.
        stranger.send('SEND', { destination }, 'mine');
        expect(await stranger.texts(1)).toEqual(['mine']);
      },
    );

    it('S06 goes through @stomp/stompjs both ways, texts and octets', async () => {
      const { stomp, came } = await connectStompJs(ann, '/user/queue/echo');
      stomp.publish({ destination: '/pub/echo', body: '안녕', headers: { 'x-말': 'a:b\nc\rd' } });
      stomp.publish({ destination: '/pub/echo', binaryBody: Uint8Array.from(ALL_OCTETS) });
      const text = await came.next();
      expect(text.body).toBe('안녕');
      expect(text.headers['x-말']).toBe('a:b\nc\rd');
      expect(Buffer.from((await came.next()).binaryBody)).toEqual(ALL_OCTETS);
    });

    it('S04 carries nothing of what only the server says', async () => {
      const client = await connect(ann);
      await client.subscribe('/user/queue/echo', 'echo');
      const spoofed = [
        'subscription',
        'message-id',
        'ack',
        'session',
        'user-name',
        'sender-id',
        'seq',
        'log-epoch',
      ];
      const secret = ['passcode', 'Authorization'];
      const names = [...spoofed, ...secret];
      client.send('SEND', {
        destination: '/pub/echo',
        ...Object.fromEntries(names.map((name) => [name, 'spoofed'])),
      });
      const [message] = await client.messages(1);
      expect(Object.values(message?.headers ?? {})).not.toContain('spoofed');
      expect(message?.headers.subscription).toBe('echo');
    });
  });

  describe('a lobby (clients SEND to the topic itself)', () => {
    it('S03 S04 S05 S07 U11 passes a SEND on as it is, and says who sent it', async () => {
      const destination = newLobby();
      const [listener, sender] = [await connect(bo), await connect(ann)];
      await listener.subscribe(destination, '0');
      sender.send(
        'SEND',
        { destination, 'sender-id': bo.userId, 'x-말': '마루 😀', 'content-type': 'text/html;charset=utf-8' },
        '<b>안녕</b>',
      );
      sender.send('SEND', { destination }, '{"not": JSON');
      const [html, opaque] = await listener.messages(2);
      expect(html?.headers).toEqual({
        subscription: '0',
        destination,
        'message-id': expect.any(String),
        'sender-id': ann.userId,
        'x-말': '마루 😀',
        'content-type': 'text/html;charset=utf-8',
        'content-length': '13',
      });
      expect(html?.body.toString()).toBe('<b>안녕</b>');
      expect(opaque?.body.toString()).toBe('{"not": JSON');
      expect(opaque?.headers).not.toHaveProperty('content-type');
      expect(opaque?.headers['message-id']).not.toBe(html?.headers['message-id']);
    });

    it('S06 carries octets in binary WebSocket messages, and texts in text messages', async () => {
      const destination = newLobby();
      const [listener, sender] = [await connect(bo), await connect(ann)];
      await listener.subscribe(destination, '0');
      sender.send('SEND', { destination, 'content-length': '256' }, ALL_OCTETS);
      sender.send('SEND', { destination, 'content-length': '3' }, Buffer.from('a\0b'));
      sender.send('SEND', { destination }, '');
      const [octets, nul, empty] = await listener.messages(3);
      expect(octets).toMatchObject({ isBinary: true, body: ALL_OCTETS });
      expect(nul).toMatchObject({ isBinary: false, body: Buffer.from('a\0b') });
      expect(empty).toMatchObject({ isBinary: false, body: Buffer.of() });
      expect(empty?.headers['content-length']).toBe('0');
    });

    it.each(VERSIONS)(
      'E04 a SEND of %s is heard in every version, as far as each can write it',
      async (version) => {
        const destination = newLobby();
        const listeners = await Promise.all(VERSIONS.map((each) => connect(bo, each)));
        for (const [index, listener] of listeners.entries())
          await listener.subscribe(destination, `sub:${index}`);
        const sender = await connect(ann, version);
        const plain = { 이름: '마루 😀', 'x-back': 'a\\b', 'x-colon': 'a:b' };
        const special = version === '1.0' ? {} : { 'x-line': 'a\nb', 'x:name': 'colon' };
        sender.send('SEND', { destination, ...plain, ...special }, '가');
        for (const [index, listener] of listeners.entries()) {
          const [message] = await listener.messages(1);
          expect(message?.headers).toEqual({
            // STOMP 1.0 has no escapes: what it cannot write is left out, rather than becoming another header.
            ...(index === 0 ? plain : { ...plain, ...special }),
            subscription: `sub:${index}`,
            destination,
            'message-id': expect.any(String),
            'sender-id': ann.userId,
            'content-length': '3',
          });
        }
      },
    );

    it('AZ02 may be sent to only where its rule lets one; no other broker destination ever', async () => {
      const client = await connectSoftly(ann);
      const destinations = [
        '/topic/lobby/notices',
        `/topic/wave/${room}`,
        '/topic/test',
        '/user/queue/echo',
        '/user/queue/errors',
        `/topic/chat/room/${room}`,
        '/topic/lobby',
        '/topic/lobby/a/b',
        '/queue/lobby/a',
      ];
      for (const destination of destinations) client.send('SEND', { destination, receipt: destination });
      const denials = (await client.messages(destinations.length)).map(denialIn);
      expect(denials.map(({ code }) => code)).toEqual(destinations.map(() => 'access-denied'));
      expect(denials.map(({ receiptId }) => receiptId)).toEqual(destinations);
    });

    it('S08 AZ04 has one spelling, and no patterns', async () => {
      const destination = newLobby();
      const listener = await connect(bo);
      await listener.subscribe(destination, '0');
      const client = await connectSoftly(ann);
      const others = [
        `${destination}/`,
        destination.replace('/lobby/', '/lobby//'),
        `${destination} `,
        '/topic/lobby/..',
      ];
      for (const other of others) client.send('SEND', { destination: other }, 'never');
      for (const other of [...others, '/topic/lobby/*'])
        client.send('SUBSCRIBE', { destination: other, id: other });
      const codes = (await client.messages(9)).map((denial) => denialIn(denial).code);
      expect(codes).toEqual([
        ...others.map(() => 'access-denied'),
        ...others.map(() => 'unknown-destination'),
        'pattern-not-allowed',
      ]);
      client.send('SEND', { destination }, 'heard');
      expect(await listener.texts(1)).toEqual(['heard']);
    });
  });

  describe('acknowledgements on a topic', () => {
    it('A05 A08 client-individual: no more than `prefetch` are on their way; each ACK or NACK makes room for one', async () => {
      const destination = newLobby();
      const [listener, sender] = [await connect(bo), await connect(ann)];
      await listener.subscribe(destination, '0', { ack: 'client-individual', prefetch: '2' });
      for (const body of ['1', '2', '3', '4', '5']) sender.send('SEND', { destination }, body);
      const [first, second] = await listener.messages(2);
      expect([first?.body.toString(), second?.body.toString()]).toEqual(['1', '2']);
      // The RECEIPT comes before the third: it was not on its way.
      listener.send('BEGIN', { transaction: 't', receipt: 'r' });
      await listener.expect('RECEIPT');
      listener.send('ACK', { id: second?.headers.ack ?? '' });
      expect(await listener.texts(1)).toEqual(['3']);
      listener.send('NACK', { id: first?.headers.ack ?? '' });
      const [fourth] = await listener.messages(1);
      expect(fourth?.body.toString()).toBe('4');
      listener.send('ACK', { id: fourth?.headers.ack ?? '' });
      expect(await listener.texts(1)).toEqual(['5']);
    });

    it('A04 client: an ACK is for all before it too', async () => {
      const destination = newLobby();
      const [listener, sender] = [await connect(bo, '1.1'), await connect(ann)];
      await listener.subscribe(destination, '0', { ack: 'client', prefetch: '3' });
      for (const body of ['1', '2', '3', '4', '5', '6']) sender.send('SEND', { destination }, body);
      const messages = await listener.messages(3);
      listener.send('ACK', { subscription: '0', 'message-id': messages[2]?.headers['message-id'] ?? '' });
      expect(await listener.texts(3)).toEqual(['4', '5', '6']);
    });

    it('A08 past its window 64 KiB wait and the rest is dropped; who keeps up gets all', async () => {
      const destination = newLobby();
      const [slow, quick, sender] = [await connect(bo), await connect(eve), await connect(ann)];
      await slow.subscribe(destination, '0', { ack: 'client', prefetch: '1' });
      await quick.subscribe(destination, '0');
      const bodies = Array.from({ length: 10 }, (_, index) => String(index).repeat(16_000));
      for (const body of bodies) sender.send('SEND', { destination }, body);
      expect(await quick.texts(10)).toEqual(bodies);
      sender.send('SEND', { destination, receipt: 'r' }, 'small');
      await sender.expect('RECEIPT');
      const got: string[] = [];
      for (let count = 0; count < 6; count += 1) {
        const [message] = await slow.messages(1);
        got.push(message?.body.toString() ?? '');
        slow.send('ACK', { id: message?.headers.ack ?? '' });
      }
      // One was on its way, four of 16,000 octets wait and the next five are dropped; a small one has room again.
      expect(got).toEqual([...bodies.slice(0, 5), 'small']);
      sender.send('SEND', { destination }, 'after');
      expect(await slow.texts(1)).toEqual(['after']);
    });
  });

  describe('a transaction', () => {
    /** A session that hears `/topic/test` and its refusals, and one that sends. */
    const pair = async () => {
      const [listener, sender] = [await connect(bo), await connectSoftly(ann)];
      await listener.subscribe('/topic/test', '0');
      return { listener, sender };
    };
    /** What the listener has heard, up to now. */
    const heard = async (listener: OctetStomp) => {
      const marker = `marker ${Math.random()}`;
      listener.send('SEND', { destination: '/pub/test/say' }, marker);
      const texts: string[] = [];
      for (;;) {
        const [text = ''] = await listener.texts(1);
        if (text === marker) return texts;
        texts.push(text);
      }
    };
    const t = { transaction: 't' };

    it('T03 publishes at COMMIT and not before, in the order of its frames, whatever its handlers wait for', async () => {
      const { listener, sender } = await pair();
      const name = `tx-${topology}`;
      sender.send('BEGIN', t);
      sender.send('SEND', { ...t, destination: `/pub/test/wait/${name}`, receipt: '1' });
      sender.send('SEND', { ...t, destination: '/pub/test/say', receipt: '2' }, 'two');
      sender.send('SEND', { ...t, destination: `/pub/test/keep/${room}`, receipt: '3' }, 'three');
      // Receipted when they are accepted: handlers run at COMMIT.
      for (const receipt of ['1', '2', '3']) {
        expect((await sender.expect('RECEIPT')).headers).toEqual({ 'receipt-id': receipt });
      }
      expect(await heard(listener)).toEqual([]);
      sender.send('COMMIT', { ...t, receipt: 'commit' });
      listener.send('SEND', { destination: `/pub/test/release/${name}` });
      expect((await sender.expect('RECEIPT')).headers).toEqual({ 'receipt-id': 'commit' });
      expect(await listener.texts(3)).toEqual([name, 'two', 'three']);
      expect((await history(maru, ann, room)).messages.at(-1)).toMatchObject({ content: 'three' });
    });

    it('T04 T05 publishes nothing at ABORT, nor when its session ends', async () => {
      const { listener, sender } = await pair();
      sender.send('BEGIN', t);
      sender.send('SEND', { ...t, destination: '/pub/test/say' }, 'aborted');
      sender.send('ABORT', { ...t, receipt: 'r' });
      await sender.expect('RECEIPT');
      sender.send('BEGIN', t);
      sender.send('SEND', { ...t, destination: '/pub/test/say', receipt: 'r' }, 'disconnected');
      await sender.expect('RECEIPT');
      sender.send('DISCONNECT', { receipt: 'r' });
      await sender.ended;
      expect(await heard(listener)).toEqual([]);
    });

    it.each(['refuse', 'break'])(
      'T03 takes no effect at all if one of its handlers fails (%s) at COMMIT',
      async (how) => {
        const { listener, sender } = await pair();
        const before = await history(maru, ann, room);
        sender.send('BEGIN', t);
        sender.send('SEND', { ...t, destination: `/pub/test/keep/${room}` }, 'never kept');
        sender.send('SEND', { ...t, destination: '/pub/test/say' }, 'never said');
        sender.send('SEND', { ...t, destination: `/pub/test/${how}` });
        sender.send('COMMIT', { ...t, receipt: 'commit' });
        expect(denialIn(await sender.expect('MESSAGE'))).toMatchObject(
          how === 'refuse'
            ? { code: 'refused', message: '오늘은 안 됩니다', receiptId: 'commit' }
            : { code: 'internal', message: 'Something went wrong on our side', receiptId: 'commit' },
        );
        expect(await heard(listener)).toEqual([]);
        expect(await history(maru, ann, room)).toEqual(before);
        // The transaction is over and its id free.
        sender.send('BEGIN', { ...t, receipt: 'again' });
        await sender.expect('RECEIPT');
      },
    );

    it('T07 takes no effect if a SEND of it was refused when it came', async () => {
      const { listener, sender } = await pair();
      sender.send('BEGIN', t);
      sender.send('SEND', { ...t, destination: '/pub/test/say' }, 'never');
      sender.send('SEND', { ...t, destination: '/topic/lobby/notices' }, 'not allowed');
      sender.send('COMMIT', t);
      const codes = (await sender.messages(2)).map((denial) => denialIn(denial).code);
      expect(codes).toEqual(['access-denied', 'transaction-failed']);
      expect(await heard(listener)).toEqual([]);
    });
  });

  describe('answers', () => {
    it('a refusal in the words of the handler ends who does not hear of it softly', async () => {
      const soft = await connectSoftly(ann);
      soft.send('SEND', { destination: '/pub/test/refuse', receipt: 'r' });
      expect(denialIn(await soft.expect('MESSAGE'))).toEqual({
        code: 'refused',
        message: '오늘은 안 됩니다',
        destination: '/pub/test/refuse',
        receiptId: 'r',
      });
      const strict = await connect(ann);
      strict.send('SEND', { destination: '/pub/test/refuse', receipt: 'r' });
      const { error, ended } = await strict.refusal();
      expect(error.headers).toMatchObject({
        message: '오늘은 안 됩니다',
        code: 'refused',
        'receipt-id': 'r',
      });
      expect(ended.code).toBe(1008);
    });

    it('R08 a handler that breaks tells nothing of how; the log does', async () => {
      const client = await connectSoftly(ann);
      client.send('SEND', { destination: '/pub/test/break', receipt: 'r' });
      expect(denialIn(await client.expect('MESSAGE'))).toEqual({
        code: 'internal',
        message: 'Something went wrong on our side',
        destination: '/pub/test/break',
        receiptId: 'r',
      });
      // The process writes its log when it comes to it.
      await expect.poll(() => maru.output).toContain('the secret of the handler');
      expect(maru.output).toContain('own-handlers.ts');
    });

    it('R01 the RECEIPT has the headers that the handler returned, in each version', async () => {
      for (const version of VERSIONS) {
        const client = await connect(ann, version);
        const name = `receipt-${version}`;
        client.send('SEND', { destination: `/pub/test/meanwhile/${name}`, receipt: 'r' });
        client.send('SEND', { destination: `/pub/test/release/${name}` });
        expect((await client.expect('RECEIPT')).headers).toEqual({ 'receipt-id': 'r', 'waited-for': name });
      }
    });
  });

  describe('order', () => {
    it('while a handler waits, the next frames of its session wait, and those of others do not', async () => {
      const [listener, client] = [await connect(bo), await connect(ann)];
      await listener.subscribe('/topic/test', '0');
      client.send('SEND', { destination: '/pub/test/wait/held', receipt: '1' });
      client.send('SEND', { destination: '/pub/test/say', receipt: '2' }, 'behind');
      listener.send('SEND', { destination: '/pub/test/say', receipt: 'other' }, 'other');
      expect((await listener.expect('MESSAGE')).body.toString()).toBe('other');
      await listener.expect('RECEIPT');
      expect(client.came.size).toBe(0);
      listener.send('SEND', { destination: '/pub/test/release/held' });
      expect(await listener.texts(2)).toEqual(['held', 'behind']);
      expect((await client.expect('RECEIPT')).headers['receipt-id']).toBe('1');
      expect((await client.expect('RECEIPT')).headers['receipt-id']).toBe('2');
    });

    it('R03 a concurrent handler holds nobody; its RECEIPT keeps its place', async () => {
      const [listener, client] = [await connect(bo), await connect(ann)];
      await listener.subscribe('/topic/test', '0');
      client.send('SEND', { destination: '/pub/test/meanwhile/slow', receipt: '1' });
      client.send('SEND', { destination: '/pub/test/say', receipt: '2' }, 'behind');
      expect(await listener.texts(1)).toEqual(['behind']);
      expect(client.came.size).toBe(0);
      listener.send('SEND', { destination: '/pub/test/release/slow' });
      expect(await listener.texts(1)).toEqual(['slow']);
      expect((await client.expect('RECEIPT')).headers).toEqual({ 'receipt-id': '1', 'waited-for': 'slow' });
      expect((await client.expect('RECEIPT')).headers['receipt-id']).toBe('2');
    });

    it('a thousand SENDs of one session to a lobby come in the order they were sent', async () => {
      const destination = newLobby();
      const [listener, sender] = [await connect(bo), await connect(ann)];
      await listener.subscribe(destination, '0');
      const bodies = Array.from({ length: 1_000 }, (_, index) => String(index));
      for (const body of bodies) sender.send('SEND', { destination }, body);
      expect(await listener.texts(1_000)).toEqual(bodies);
    });
  });
});

it('a module that cannot be used ends the start with a line that says why, before anything is opened', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-module-'));
  const module = join(folder, 'handlers.mjs');
  await writeFile(module, `export default { topics: [{ destination: '/topic/chat/mine' }] };`);
  try {
    for (const [path, problem] of [
      [join(folder, 'missing.ts'), `there is no file ${join(folder, 'missing.ts')}`],
      [module, "/topic/chat/mine overlaps with Maru's own /topic/chat/"],
    ] as const) {
      const maru = new MaruProcess(['chat'], { folder, settings: { handlers: path } });
      expect(await maru.exited).toEqual({ code: 1, signal: null });
      expect(maru.stderr).toBe(`maru: handlers: ${problem}\n`);
    }
    expect(await readdir(folder)).toEqual(['handlers.mjs']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
