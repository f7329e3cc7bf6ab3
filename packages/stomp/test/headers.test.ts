// Header lists and what commands need of them.
import { expect, test } from 'vitest';
import { COMMANDS, type Command, FrameHeaders, missingHeader, SUPPORTED_VERSIONS } from '../src/index.ts';
import { readOne } from './frames.ts';

test('F18: of a repeated header the first entry counts, the others can be listed', () => {
  const headers = FrameHeaders.from([
    ['destination', '/a'],
    ['destination', '/b'],
  ]);
  expect(headers.get('destination')).toBe('/a');
  expect([...headers]).toEqual([
    ['destination', '/a'],
    ['destination', '/b'],
  ]);
  expect(headers.size).toBe(2);
});

test('a value is not taken for a name, and an empty value is there', () => {
  const headers = FrameHeaders.from([
    ['a', 'b'],
    ['c', ''],
  ]);
  expect(headers.get('b')).toBeUndefined();
  expect(headers.has('c')).toBe(true);
  expect(headers.has('constructor')).toBe(false);
});

const commands = Object.keys(COMMANDS) as Command[];

test.each(commands)('%s is known as what it is', (command) => {
  expect(readOne(`${command}\n\n\0`, '1.2', { from: COMMANDS[command].sender }).command).toBe(command);
});

test('only SEND, MESSAGE and ERROR may have a body', () => {
  expect(commands.filter((command) => COMMANDS[command].body)).toEqual(['SEND', 'MESSAGE', 'ERROR']);
});

test.each([
  ['SEND', '1.0', ['destination']],
  ['SEND', '1.2', ['destination']],
  ['SUBSCRIBE', '1.0', ['destination']],
  ['SUBSCRIBE', '1.1', ['destination', 'id']],
  ['SUBSCRIBE', '1.2', ['destination', 'id']],
  ['UNSUBSCRIBE', '1.0', []],
  ['UNSUBSCRIBE', '1.1', ['id']],
  ['ACK', '1.0', ['message-id']],
  ['ACK', '1.1', ['message-id', 'subscription']],
  ['ACK', '1.2', ['id']],
  ['NACK', '1.1', ['message-id', 'subscription']],
  ['NACK', '1.2', ['id']],
  ['BEGIN', '1.0', ['transaction']],
  ['COMMIT', '1.1', ['transaction']],
  ['ABORT', '1.2', ['transaction']],
  ['DISCONNECT', '1.2', []],
  ['CONNECT', '1.2', []],
  ['STOMP', '1.2', []],
] as const)('S01, U01, U02, A02, A03, T01: %s of %s needs %j', (command, version, names) => {
  const full = names.map((name) => [name, 'x'] as const);
  expect(missingHeader(command, FrameHeaders.from(full), version)).toBeUndefined();
  for (const name of names) {
    const others = FrameHeaders.from(full.filter(([other]) => other !== name));
    expect(missingHeader(command, others, version)).toBe(name);
  }
});

test('every version says of every command whether it has it', () => {
  for (const command of commands) {
    expect(Object.keys(COMMANDS[command].required)).toEqual([...SUPPORTED_VERSIONS]);
  }
});
