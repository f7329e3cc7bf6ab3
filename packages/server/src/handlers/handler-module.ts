// A team's own additions: what a module named in `handlers:` exports, and how it is loaded.
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Mapping } from './application-handler.ts';
import type { Interceptor } from './interceptor.ts';
import type { TopicRule } from './topic-rule.ts';

export type HandlerModule = {
  /** Application destinations, made by `mapDestination`. */
  readonly destinations?: readonly Mapping[];
  /** Broker destinations with their access rules. */
  readonly topics?: readonly TopicRule[];
  /** In the order in which frames go through them. */
  readonly interceptors?: readonly Interceptor[];
};

/** As `HandlerModule`; the parameters of each topic's rules are those of its destination. */
type Definition<Topics extends readonly string[]> = Omit<HandlerModule, 'topics'> & {
  readonly topics?: { readonly [Index in keyof Topics]: TopicRule<Topics[Index]> };
};

/** The default export of a handler module, checked by the compiler. */
export function defineHandlers<const Topics extends readonly string[]>(
  module: Definition<Topics>,
): HandlerModule {
  return module;
}

const callable = z.custom((value) => typeof value === 'function', 'must be a function');
const having = (method: string, message: string) =>
  z.custom((value) => typeof (value as Record<string, unknown> | null)?.[method] === 'function', message);

/** Modules run as they are, so what the compiler would have said is said here: a mistyped rule must not open a topic. */
const moduleSchema = z.strictObject({
  destinations: z.array(having('parse', 'must be made by mapDestination')).optional(),
  topics: z
    .array(
      z.strictObject({
        destination: z.string(),
        maySubscribe: callable.optional(),
        maySend: callable.optional(),
      }),
    )
    .optional(),
  interceptors: z.array(having('intercept', 'must have a function intercept')).optional(),
});

/**
 * @param from whose module it is, for the message.
 * @throws Error that says what in it is wrong.
 */
export function checkHandlerModule(module: unknown, from: string): HandlerModule {
  const { error } = moduleSchema.safeParse(module);
  const [issue] = error?.issues ?? [];
  if (issue === undefined) return module as HandlerModule;
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  throw new Error(`handlers: ${from}: ${path.slice(1)}${path === '' ? '' : ': '}${issue.message}`);
}

/** Rejects with an Error that names the file and says what is wrong with it. */
export async function loadHandlerModule(file: string): Promise<HandlerModule> {
  if (!existsSync(file)) throw new Error(`handlers: there is no file ${file}`);
  let exported: { readonly default?: unknown };
  try {
    exported = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  } catch (cause) {
    throw new Error(`handlers: ${file} cannot be loaded: ${describe(cause, file)}`, { cause });
  }
  if (exported.default === undefined) {
    throw new Error(`handlers: ${file} has no default export; write export default defineHandlers({ … })`);
  }
  return checkHandlerModule(exported.default, file);
}

/** What was thrown while a module was loaded, and where. */
function describe(thrown: unknown, file: string): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const place = placeOf(thrown.stack ?? '');
  if (place !== undefined) return `${thrown.message} (${place})`;
  // Node shows the place of a JavaScript syntax error only when it ends by it.
  return thrown instanceof SyntaxError
    ? `${thrown.message} (node --check ${file} shows where)`
    : thrown.message;
}

const OURS = new URL('.', import.meta.url).href;

/** The first line of a stack that is neither Node's nor ours: a place of the module, or of what it uses. */
function placeOf(stack: string): string | undefined {
  const line = stack
    .split('\n')
    .find(
      (text) =>
        /^(\s+at .*|file:.*|\/.*|[A-Z]:\\.*):\d+\)?$/.test(text) &&
        !text.includes('node:') &&
        !text.includes(OURS),
    );
  return line?.replace(/^\s+at (?:.*\()?/, '').replace(/\)$/, '');
}
