// Handler modules as a team writes them: loaded from a file, and refused in words where something is wrong with them.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { HandlerModule, Handling, Interceptor, Mapping, Principal } from '../../src/index.ts';
import { defineHandlers, mapDestination } from '../../src/index.ts';
import type { Outcome } from './load-modules.ts';

const IMPORT = `import { defineHandlers, mapDestination } from '@maru/server';\n`;

const [, FIRST_IN_DOCS = ''] =
  /```ts\n(.*?)```/s.exec(readFileSync(join(import.meta.dirname, '../../../../docs/handlers.md'), 'utf8')) ??
  [];

/** What can be loaded, and what comes of it. */
const GOOD: readonly [name: string, text: string, extension: string, destinations: readonly string[]][] = [
  [
    'in TypeScript, as it is',
    `${IMPORT}const destination: string = '/pub/echo';
    export default defineHandlers({
      destinations: [mapDestination({ destination, handle: ({ message, publish }) => publish('/topic/a', message) })],
      topics: [{ destination: '/topic/a', maySend: () => true }],
      interceptors: [{ intercept() {} }],
    });`,
    'ts',
    ['/pub/echo', '/topic/a'],
  ],
  [
    'in JavaScript, an interceptor of a class',
    `class Audit { #seen = 0; intercept() { this.#seen += 1; } }
    export default { topics: [{ destination: '/topic/a' }], interceptors: [new Audit()] };`,
    'mjs',
    ['/topic/a'],
  ],
  ['that is empty', 'export default {};', 'ts', []],
  ['of docs/handlers.md', FIRST_IN_DOCS, 'ts', ['/pub/echo', '/user/queue/echo']],
];

/** What cannot be loaded: the message behind the file, each place with the file's own name. */
const NOT_LOADED: readonly [name: string, text: string, extension: string, message: string][] = [
  ['a syntax error', 'const a = 1;\nexport default { x: ;', 'ts', 'Expression expected (FILE:2)'],
  [
    'one in JavaScript',
    'export default { x: ;',
    'mjs',
    `Unexpected token ';' (node --check FILE shows where)`,
  ],
  [
    'what Node does not strip',
    'enum A { B }\nexport default {};',
    'ts',
    'TypeScript enum is not supported in strip-only mode (FILE:1)',
  ],
  [
    'an import that is not there',
    `import 'no-such-package';`,
    'ts',
    `Cannot find package 'no-such-package' imported from FILE`,
  ],
  [
    'a name that is not exported',
    `import { nope } from '@maru/server';`,
    'ts',
    `The requested module '@maru/server' does not provide an export named 'nope' (file://FILE:1)`,
  ],
  [
    'an Error of its own',
    `\nthrow new Error('DATABASE_URL is not set:\\nhttp://localhost:1');`,
    'ts',
    'DATABASE_URL is not set:\nhttp://localhost:1 (file://FILE:2:7)',
  ],
  ['something else thrown', `throw 'no';`, 'ts', 'no'],
  [
    'a key of a handler mistyped',
    `${IMPORT}mapDestination({ destination: '/pub/a', schem: 1, handle() {} });`,
    'ts',
    'mapDestination takes destination, schema, isConcurrent, handle, not schem (file://FILE:2:1)',
  ],
  [
    'no handle',
    `${IMPORT}mapDestination({ destination: '/pub/a' });`,
    'ts',
    '/pub/a has no function handle (file://FILE:2:1)',
  ],
  [
    'a schema of something else',
    `${IMPORT}mapDestination({ destination: '/pub/a', schema: { type: 'object' }, handle() {} });`,
    'ts',
    `the schema of /pub/a is not one of zod's (file://FILE:2:1)`,
  ],
];

/** What is loaded and isn't what it should be: the message behind the file. */
const NO_MODULE: readonly [text: string, message: string][] = [
  ['export const handlers = {};', 'has no default export; write export default defineHandlers({ … })'],
  ['export default 5;', 'Invalid input: expected object, received number'],
  ['export default null;', 'Invalid input: expected object, received null'],
  ['export default () => ({});', 'Invalid input: expected object, received function'],
  ['export default { topic: [] };', 'Unrecognized key: "topic"'],
  ['export default { topics: {} };', 'topics: Invalid input: expected array, received object'],
  [
    `export default { destinations: [{ destination: '/pub/a', handle() {} }] };`,
    'destinations[0]: must be made by mapDestination',
  ],
  ['export default { destinations: [null] };', 'destinations[0]: must be made by mapDestination'],
  [
    `export default { topics: [{ destination: '/topic/a', maySubscibe: () => false }] };`,
    'topics[0]: Unrecognized key: "maySubscibe"',
  ],
  [
    `export default { topics: [{ destination: '/topic/a', maySubscribe: false }] };`,
    'topics[0].maySubscribe: must be a function',
  ],
  [
    `export default { topics: [{ maySend: () => true }] };`,
    'topics[0].destination: Invalid input: expected string, received undefined',
  ],
  ['export default { interceptors: [() => {}] };', 'interceptors[0]: must have a function intercept'],
];

describe('a handler module', () => {
  let folder: string;
  /** By the text of the module. */
  const files = new Map<string, string>();
  let outcomes: Record<string, Outcome>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-modules-'));
    // As npm links a workspace.
    await mkdir(join(folder, 'node_modules/@maru'), { recursive: true });
    await symlink(join(import.meta.dirname, '../..'), join(folder, 'node_modules/@maru/server'));
    const all = [...GOOD, ...NOT_LOADED, ...NO_MODULE.map(([text]) => ['', text, 'ts'] as const)];
    for (const [index, [, text, extension]] of all.entries()) {
      const file = join(folder, `module-${index}.${extension}`);
      await writeFile(file, text);
      files.set(text, file);
    }
    // By Node itself: the runner of these tests loads modules in its own way.
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(import.meta.dirname, 'load-modules.ts'),
      join(folder, 'missing.ts'),
      ...files.values(),
    ]);
    outcomes = JSON.parse(stdout);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const outcomeOf = (text: string) => outcomes[files.get(text) ?? ''];
  const refusalOf = (text: string) => {
    const file = files.get(text) ?? '';
    const outcome = outcomes[file];
    return { ...outcome, problem: outcome?.problem?.replaceAll(file, 'FILE') };
  };

  test.each(GOOD)('%s is loaded', (_, text, __, destinations) => {
    expect(outcomeOf(text)).toEqual({ destinations });
  });

  test('that is not there is named', () => {
    const file = join(folder, 'missing.ts');
    expect(outcomes[file]).toEqual({ problem: `handlers: there is no file ${file}`, isPlain: true });
  });

  // The command line shows the message of a plain Error alone, that of any other with its stack.
  test.each(NOT_LOADED)('with %s is refused with its file, and where in it', (_, text, __, message) => {
    expect(refusalOf(text)).toEqual({
      problem: `handlers: FILE cannot be loaded: ${message}`,
      isPlain: true,
    });
  });

  test.each(NO_MODULE)('%s is refused: %s', (text, message) => {
    const { problem, isPlain } = refusalOf(text);
    expect(problem).toMatch(/^handlers: FILE:? /);
    expect(problem?.endsWith(message)).toBe(true);
    expect(isPlain).toBe(true);
  });
});

test('the compiler infers the body from the schema, and the parameters from the destination', () => {
  const noted: unknown[] = [];
  const module = defineHandlers({
    destinations: [
      mapDestination({
        destination: '/pub/note/{room}/{page}',
        schema: z.strictObject({
          at: z.iso.datetime().transform((text) => new Date(text)),
          tags: z.array(z.string()),
        }),
        handle: async ({ body, parameters, principal }) => {
          expectTypeOf(body).toEqualTypeOf<{ at: Date; tags: string[] }>();
          expectTypeOf(parameters).toEqualTypeOf<{ readonly room: string; readonly page: string }>();
          expectTypeOf(principal).toEqualTypeOf<Principal>();
          // @ts-expect-error the destination has no such parameter
          noted.push(parameters.rom);
          return { 'note-id': '5' };
        },
      }),
      mapDestination({
        destination: '/pub/octets',
        handle: ({ body, parameters, message, publish }) => {
          expectTypeOf(body).toEqualTypeOf<Uint8Array>();
          expectTypeOf<keyof typeof parameters>().toEqualTypeOf<never>();
          publish('/topic/octets', message);
          publish('/topic/octets', { json: body });
          // @ts-expect-error a body is octets or a text
          publish('/topic/octets', { body: 5 });
        },
      }),
      mapDestination({
        destination: '/pub/wrong',
        // @ts-expect-error headers of the RECEIPT are texts
        handle: () => ({ count: 5 }),
      }),
      // @ts-expect-error a handler is not given as it is, or its body would have no type
      { destination: '/pub/bare', handle: () => {} },
    ],
    topics: [
      {
        destination: '/topic/wave/{room}',
        maySubscribe: ({ parameters, isMember }) => {
          expectTypeOf(parameters).toEqualTypeOf<{ readonly room: string }>();
          return isMember(parameters.room);
        },
        // @ts-expect-error a rule answers yes or no
        maySend: ({ parameters }) => parameters.room,
      },
      // @ts-expect-error no such rule
      { destination: '/topic/other', maySubscibe: () => true },
    ],
    interceptors: [{ intercept: (frame) => frame }],
  });
  expectTypeOf(module).toEqualTypeOf<HandlerModule>();
  expectTypeOf<Handling<string>['body']>().toEqualTypeOf<string>();
  expectTypeOf<Mapping['isConcurrent']>().toEqualTypeOf<boolean>();
  expectTypeOf<ReturnType<Interceptor['intercept']>>().not.toBeAny();
  expect(noted).toEqual([]);
});
