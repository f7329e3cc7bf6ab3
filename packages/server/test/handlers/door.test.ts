// All modules together: which destinations there are, and which there can't be.
import { APPLICATION_DESTINATIONS, MaruError } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { mapDestination } from '../../src/handlers/application-handler.ts';
import { createDoor } from '../../src/handlers/door.ts';
import type { HandlerModule } from '../../src/handlers/handler-module.ts';
import { createTopicRules, declaredTopic } from '../../src/handlers/topic-rule.ts';

const handler = (destination: string) => mapDestination({ destination, handle: () => {} });
const withDestinations = (...destinations: string[]): HandlerModule => ({
  destinations: destinations.map(handler),
});
const withTopics = (...destinations: string[]): HandlerModule => ({
  topics: destinations.map((destination) => ({ destination })),
});

describe('the door', () => {
  test('without modules has what Maru itself offers', () => {
    const door = createDoor([]);
    for (const destination of Object.values(APPLICATION_DESTINATIONS)) {
      expect(door.mappings.find(destination)?.item.destination).toBe(destination);
    }
    expect(door.mappings.find('/pub/echo')).toBeUndefined();
    expect(door.interceptors).toEqual([]);
  });

  test('has what all modules offer, interceptors in the order of the modules', () => {
    const [first, second] = [{ intercept: () => {} }, { intercept: () => {} }];
    const door = createDoor([
      { ...withDestinations('/pub/a'), interceptors: [first] },
      { ...withTopics('/topic/a', '/user/queue/a'), interceptors: [second] },
    ]);
    expect(door.mappings.find('/pub/a')).toBeDefined();
    expect(door.topics.find('/topic/a')).toBeDefined();
    expect(door.topics.find('/user/queue/a')).toBeDefined();
    expect(door.interceptors).toEqual([first, second]);
    expect(door.interceptors[0]).toBe(first);
  });

  test("AZ01 a template of a team's cannot take what is sent to Maru's own", () => {
    const door = createDoor([withDestinations('/pub/{a}/{b}')]);
    expect(door.mappings.find('/pub/send/message')?.item.destination).toBe('/pub/send/message');
  });

  test.each([
    [withDestinations('/topic/a'), '/topic/a is no application destination; those begin with /pub/'],
    [withDestinations('/pub/a b'), '"/pub/a b" is no destination such as'],
    [withDestinations('/pub/send/message'), "/pub/send/message is Maru's own"],
    [withDestinations('/pub/typing'), "/pub/typing is Maru's own"],
    [withDestinations('/pub/a', '/pub/a'), '/pub/a is defined twice'],
    [withTopics('/topic/a', '/topic/a'), '/topic/a is defined twice'],
    [withTopics('/pub/a'), '/pub/a is no broker destination; those begin with /topic/ or /user/queue/'],
    [withTopics('/queue/a'), '/queue/a is no broker destination'],
    [withTopics('/user/a'), '/user/a is no broker destination'],
    [withTopics('/topic/*'), '"/topic/*" is no destination such as'],
    [withTopics('/topic/chat/room/1'), "/topic/chat/room/1 overlaps with Maru's own /topic/chat/"],
    [withTopics('/topic/chat/{a}'), "overlaps with Maru's own /topic/chat/"],
    [withTopics('/topic/{a}/room/{b}'), "overlaps with Maru's own /topic/chat/"],
    [withTopics('/topic/{a}/{b}'), "overlaps with Maru's own /topic/chat/"],
    [withTopics('/topic/rooms/{a}'), "overlaps with Maru's own /topic/rooms/"],
    [withTopics('/user/queue/errors'), "overlaps with Maru's own /user/queue/errors"],
    [withTopics('/user/queue/{a}'), "overlaps with Maru's own /user/queue/errors"],
    [
      { topics: [{ destination: '/user/queue/a', maySend: () => true }] },
      '/user/queue/a: nobody sends to a user destination',
    ],
  ])('%j is refused: %s', (module, message) => {
    expect(() => createDoor([module])).toThrow(message);
    // A plain Error: its message is all that whoever starts Maru sees.
    expect(() => createDoor([module])).toThrow(/^handlers: /);
  });

  test.each(['/topic/chat', '/topic/{a}', '/topic/chats/{a}', '/topic/a/{b}/{c}', '/user/queue/a/{b}'])(
    "%s is beside Maru's own",
    (destination) => {
      expect(createDoor([withTopics(destination)]).topics).toBeDefined();
    },
  );

  test('a destination that two modules define is refused too', () => {
    expect(() => createDoor([withDestinations('/pub/a'), withDestinations('/pub/a')])).toThrow(
      'handlers: /pub/a is defined twice',
    );
  });

  test('what is handed to createMaru is looked at as a loaded module is', () => {
    const module = { topics: [{ destination: '/topic/a', mayHear: () => false }] };
    expect(() => createDoor([module as HandlerModule])).toThrow('topics[0]: Unrecognized key: "mayHear"');
  });
});

describe('a declared topic', () => {
  const rules = createTopicRules([
    { destination: '/topic/lobby/{name}' },
    { destination: '/user/queue/echo' },
  ]);

  test('is heard by all, or by the one whose it is', () => {
    expect(declaredTopic(rules, '/topic/lobby/a', undefined)).toEqual({
      destination: '/topic/lobby/a',
      userId: null,
    });
    expect(declaredTopic(rules, '/user/queue/echo', 'ann')).toEqual({
      destination: '/user/queue/echo',
      userId: 'ann',
    });
  });

  test.each([
    ['/topic/loby/a', undefined, "/topic/loby/a is in no module's topics, so nobody can hear it"],
    ['/topic/lobby/a b', undefined, "is in no module's topics"],
    ['/topic/chat/room/1', undefined, "is in no module's topics"],
    ['/user/queue/errors', 'ann', "is in no module's topics"],
    ['/user/queue/echo', undefined, "/user/queue/echo is each person's own: say whose, by { to: userId }"],
    ['/topic/lobby/a', 'ann', '/topic/lobby/a is heard by all its subscribers; { to } is for /user/queue/…'],
  ])('%s to %s is refused: %s', (destination, to, message) => {
    expect(() => declaredTopic(rules, destination, to)).toThrow(message);
  });
});

describe('a body', () => {
  const parse = createDoor([]).mappings.find('/pub/send/message')?.item.parse;

  test.each([
    [Uint8Array.of(0x22, 0xff, 0x22), 'The body is not JSON in UTF-8'],
    [Buffer.from(''), 'The body is not JSON in UTF-8'],
    [Buffer.from('{"roomId":"r"}'), 'content: '],
  ])('%j is refused as invalid-body, without its content', (body, message) => {
    expect(() => parse?.(body)).toThrow(MaruError);
    expect(() => parse?.(body)).toThrow(message);
  });
});
