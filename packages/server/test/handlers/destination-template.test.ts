// Destinations with parameters: what they match, that no two spellings are one, and what cannot be a template.
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  DestinationTable,
  DestinationTemplate,
  type Parameters,
  type ParametersOf,
} from '../../src/handlers/destination-template.ts';

const CHARACTERS = [...'abcXYZ019._~-'];
const segment = fc
  .string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 128 })
  .filter((text) => text !== '.' && text !== '..');
const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/);
/** Segments of a template, the parameters with what they are to stand for. */
const parts = fc
  .array(fc.oneof(fc.record({ literal: segment }), fc.record({ name, value: segment })), {
    minLength: 1,
    maxLength: 6,
  })
  .filter((all) => {
    const names = all.flatMap((part) => ('name' in part ? [part.name] : []));
    return new Set(names).size === names.length;
  });

const templateOf = (all: readonly ({ literal: string } | { name: string; value: string })[]) =>
  all.map((part) => ('name' in part ? `/{${part.name}}` : `/${part.literal}`)).join('');
const build = (all: readonly ({ literal: string } | { name: string; value: string })[]) =>
  all.map((part) => ('name' in part ? `/${part.value}` : `/${part.literal}`)).join('');

describe('a destination template', () => {
  test('gives back what its parameters were built from', () => {
    fc.assert(
      fc.property(parts, (all) => {
        const parameters = Object.fromEntries(
          all.flatMap((part) => ('name' in part ? [[part.name, part.value]] : [])),
        );
        expect(new DestinationTemplate(templateOf(all)).match(build(all))).toEqual(parameters);
      }),
      { numRuns: 1_000 },
    );
  });

  test('S08 no two destinations are one: what matches is built from its parameters again, octet for octet', () => {
    fc.assert(
      fc.property(parts, fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(), (all, noise, at) => {
        const template = new DestinationTemplate(templateOf(all));
        const good = build(all);
        const cut = at % (good.length + 1);
        for (const other of [noise, good.slice(0, cut) + noise + good.slice(cut), good.slice(0, cut)]) {
          const parameters = template.match(other);
          if (parameters === undefined) continue;
          expect(template.text.replaceAll(/\{(\w+)\}/g, (_, of: string) => parameters[of] ?? '')).toBe(other);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    '/topic//x',
    '/topic/lobby/x/',
    '/topic/lobby//x',
    '//topic/lobby/x',
    'topic/lobby/x',
    '/Topic/lobby/x',
    '/topic/lobby/%78',
    '/topic/lobby/x ',
    ' /topic/lobby/x',
    '/topic/lobby/x\n',
    '/topic/lobby/.',
    '/topic/lobby/..',
    '/topic/./lobby/x',
    '/topic/lobby/a/../x',
    '/topic/lobby/',
    '/topic/lobby/a;b',
    '/topic/lobby/방',
    '/topic/lobby/*',
    '/topic/lobby/{name}',
    `/topic/lobby/${'x'.repeat(129)}`,
  ])('S08 /topic/lobby/{name} does not take %j', (destination) => {
    expect(new DestinationTemplate('/topic/lobby/{name}').match(destination)).toBeUndefined();
  });

  test('a dot is a dot, and a parameter may hold more of them', () => {
    const template = new DestinationTemplate('/topic/v1.2/{name}');
    expect(template.match('/topic/v1.2/a..b')).toEqual({ name: 'a..b' });
    expect(template.match('/topic/v1.2/...')).toEqual({ name: '...' });
    expect(template.match('/topic/v1x2/a')).toBeUndefined();
  });

  test.each([
    '',
    '/',
    'pub/echo',
    '/pub/echo/',
    '/pub//echo',
    '/pub/e cho',
    '/pub/{room',
    '/pub/{}',
    '/pub/{2nd}',
    '/pub/a{room}',
    '/pub/{room}b',
    '/pub/*',
    '/pub/.',
    '/pub/../x',
    '/pub/방',
    '/pub/{__proto__}',
  ])('%j is no template, which is said with an example', (text) => {
    expect(() => new DestinationTemplate(text)).toThrow(/is no destination such as \/pub\/echo/);
  });

  test('a parameter twice is said', () => {
    expect(() => new DestinationTemplate('/pub/{a}/{a}')).toThrow('has a parameter twice');
  });

  test('names of parameters that objects have themselves are parameters like any other', () => {
    const found = new DestinationTemplate('/pub/{constructor}/{toString}').match('/pub/a/b');
    expect(found).toEqual({ constructor: 'a', toString: 'b' });
  });
});

describe('a table of destinations', () => {
  const item = (destination: string) => ({ destination });

  test('a destination without parameters comes before templates, templates in the order they were given', () => {
    const table = new DestinationTable([
      item('/topic/{a}/b'),
      item('/topic/lobby/{b}'),
      item('/topic/lobby/b'),
    ]);
    expect(table.find('/topic/lobby/b')?.item.destination).toBe('/topic/lobby/b');
    expect(table.find('/topic/hall/b')).toEqual({ item: item('/topic/{a}/b'), parameters: { a: 'hall' } });
    expect(table.find('/topic/lobby/c')?.parameters).toEqual({ b: 'c' });
    expect(table.find('/topic/hall/c')).toBeUndefined();
  });

  test.each([
    ['/pub/a', '/pub/a'],
    ['/pub/{a}', '/pub/{a}'],
    ['/pub/{a}/x', '/pub/{b}/x'],
  ])('%s and %s are one destination, so the second is refused', (first, second) => {
    expect(() => new DestinationTable([item(first), item(second)])).toThrow(`${second} is defined twice`);
  });
});

test('the compiler reads the names of parameters off a destination', () => {
  expectTypeOf<ParametersOf<'/topic/{room}/of/{person}'>>().toEqualTypeOf<{
    readonly room: string;
    readonly person: string;
  }>();
  expectTypeOf<keyof ParametersOf<'/pub/echo'>>().toEqualTypeOf<never>();
  expectTypeOf<ParametersOf<string>>().toEqualTypeOf<Parameters>();
});
