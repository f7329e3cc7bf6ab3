// The only reader of configuration files and of the environment: file, then MARU_* variables, then --set, or one object
// in their place; all checked at once.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { configSchema, type GivenSettings, type Settings } from './config-schema.ts';

/** Settings after what depends on others was filled in; frozen. */
export type Config = Omit<Settings, 'gateway' | 'chat' | 'tokens' | 'publicUrl'> & {
  readonly gateway: Settings['gateway'] & {
    readonly allowedOrigins: readonly string[];
    readonly chatUpstream: string;
    readonly identityUpstream: string;
  };
  readonly chat: Settings['chat'] & { readonly allowedOrigins: readonly string[] };
  readonly tokens: Settings['tokens'] & { readonly jwksUrl: string };
  readonly publicUrl: string;
  /** Where `maru web` serves the page when it is opened on this machine. */
  readonly pageUrl: string;
  /** NODE_ENV=production: nothing generated or sampled is good enough. */
  readonly production: boolean;
  /** Where settings came from, for the start-up lines. */
  readonly file: string | null;
};

/** One or more settings are wrong: a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export type Sources = {
  /** `--config`: must exist. Without it `maru.yaml` in the working folder is read if there is one. */
  readonly file?: string | undefined;
  /** `--set a.b=c` */
  readonly assignments?: readonly string[];
  /** In place of all that: neither a file nor `MARU_*` is read then. */
  readonly settings?: GivenSettings | undefined;
};

type Environment = Readonly<Record<string, string | undefined>>;
type Tree = { [key: string]: unknown };

const DEFAULT_FILE = 'maru.yaml';
/** Set by how Maru is run, not settings of it. */
const NOT_SETTINGS: readonly string[] = ['MARU_CONFIG'];

/** @throws ConfigError with every problem and its fix. */
export function readConfig(sources: Sources = {}, env: Environment = process.env): Config {
  const problems: string[] = [];
  const { file, tree } =
    sources.settings === undefined
      ? readSources(sources, env, problems)
      : { file: null, tree: sources.settings };
  const parsed = configSchema.safeParse(tree);
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap(explain));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return complete(parsed.data, file, env.NODE_ENV === 'production');
}

/** The tree of settings as given; what cannot be put into it is added to `problems`. */
function readSources(
  sources: Sources,
  env: Environment,
  problems: string[],
): { file: string | null; tree: Tree } {
  const { file, tree } = readFile(sources.file ?? env.MARU_CONFIG);
  for (const [key, value] of Object.entries(env)) {
    if (key.startsWith('MARU_') && !NOT_SETTINGS.includes(key))
      assign(tree, pathOfVariable(key), value ?? '', key, problems);
  }
  for (const assignment of sources.assignments ?? []) {
    const at = assignment.indexOf('=');
    const path = at > 0 ? assignment.slice(0, at) : undefined;
    assign(
      tree,
      SETTINGS.has(path ?? '') ? path : undefined,
      assignment.slice(at + 1),
      `--set ${path ?? assignment}`,
      problems,
    );
  }
  return { file, tree };
}

/** Every setting's path, such as `gateway.port`. */
export const SETTINGS: ReadonlyMap<string, z.ZodType> = new Map(leaves(configSchema, ''));

/** `gateway.port` → `MARU_GATEWAY_PORT` */
export function variableOf(path: string): string {
  return `MARU_${path
    .replaceAll('.', '_')
    .replace(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;
}

function pathOfVariable(variable: string): string | undefined {
  for (const path of SETTINGS.keys()) if (variableOf(path) === variable) return path;
  return undefined;
}

function leaves(schema: z.ZodType, path: string): [string, z.ZodType][] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [[path, schema]];
  return Object.entries(inner.shape).flatMap(([key, value]) =>
    leaves(value as z.ZodType, path === '' ? key : `${path}.${key}`),
  );
}

function unwrap(schema: z.ZodType): z.ZodType {
  const optional =
    schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault || schema instanceof z.ZodOptional;
  return optional ? unwrap(schema.unwrap() as z.ZodType) : schema;
}

function readFile(given: string | undefined): { file: string | null; tree: Tree } {
  const file = resolve(given ?? DEFAULT_FILE);
  if (given === undefined && !existsSync(file)) return { file: null, tree: {} };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`cannot read the configuration ${file}: ${(error as Error).message}`]);
  }
  try {
    const tree: unknown = parseYaml(text) ?? {};
    if (typeof tree !== 'object' || Array.isArray(tree)) throw new Error('it must be a mapping of settings');
    return { file, tree: withoutEmpty(tree as Tree) };
  } catch (error) {
    throw new ConfigError([`${file} is not valid YAML: ${firstLine(error)}`]);
  }
}

/** A section whose settings are all commented out is null in YAML, and meant as not there. */
function withoutEmpty(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== null));
}

function assign(
  tree: Tree,
  path: string | undefined,
  text: string,
  source: string,
  problems: string[],
): void {
  const schema = path === undefined ? undefined : SETTINGS.get(path);
  if (path === undefined || schema === undefined) {
    problems.push(`${source} is no setting of Maru; see docs/operations.md for all of them`);
    return;
  }
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let node = tree;
  for (const key of keys) {
    const next = node[key];
    if (typeof next !== 'object' || next === null) node[key] = {};
    node = node[key] as Tree;
  }
  try {
    node[last] = readValue(unwrap(schema), text);
  } catch (error) {
    problems.push(`${source} cannot be read: ${firstLine(error)}`);
  }
}

/** Behind the first line is the place in the text, drawn. */
function firstLine(error: unknown): string {
  const [problem = ''] = (error as Error).message.split('\n', 1);
  return problem.replace(/:$/, '');
}

/** Texts stay texts (a secret may look like a number); lists may be given with commas. */
function readValue(schema: z.ZodType, text: string): unknown {
  if (schema instanceof z.ZodArray && !text.trimStart().startsWith('[')) {
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
  return schema instanceof z.ZodString || schema instanceof z.ZodEnum ? text : parseYaml(text);
}

function explain(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const name = path === '' ? key : `${path}.${key}`;
      const near = nearest(name);
      return `${name} is no setting of Maru${near === undefined ? '' : `; did you mean ${near}?`}`;
    });
  }
  return [`${path === '' ? 'the configuration' : path}: ${issue.message}`];
}

/** The setting that ends in the same word (put in the wrong place), or else the one that differs in the fewest letters. */
function nearest(name: string): string | undefined {
  const at = name.lastIndexOf('.');
  const section = name.slice(0, at + 1);
  const word = name.slice(at + 1).toLowerCase();
  const candidates = [...SETTINGS.keys()].map((path) => {
    const candidate = path.split('.').at(-1)?.toLowerCase() ?? '';
    const isBeginning = word.length > 3 && (candidate.startsWith(word) || word.startsWith(candidate));
    const letters = isBeginning ? 1 : distance(word, candidate);
    return { path, letters, isElsewhere: path.slice(0, path.lastIndexOf('.') + 1) !== section };
  });
  const [best] = candidates
    .filter(({ letters }) => letters <= Math.min(2, word.length / 2))
    .sort((a, b) => a.letters - b.letters || Number(a.isElsewhere) - Number(b.isElsewhere));
  return best?.path;
}

function complete(settings: Settings, file: string | null, production: boolean): Config {
  const publicUrl = settings.publicUrl ?? new URL(`http://localhost:${settings.gateway.port}`).origin;
  const pageUrl = new URL(`http://127.0.0.1:${settings.web.port}`).origin;
  // A page that the gateway itself serves (the API's documentation) has publicUrl as its origin.
  const withOwn = (origins = [pageUrl]) => [...new Set([...origins, publicUrl])];
  const identityUpstream = settings.gateway.identityUpstream ?? addressOf(settings.identity);
  // All identity services have the same keys.
  const keysAt = identityUpstream.split(/ *, */).find((address) => address.startsWith('http:'));
  if (settings.tokens.jwksUrl === undefined && keysAt === undefined) {
    throw new ConfigError(['tokens.jwksUrl must be set: keys are fetched over HTTP, not over a Unix socket']);
  }
  if (settings.bus.servers.length > 0 && settings.database.url === undefined) {
    throw new ConfigError([
      'bus.servers: the embedded database is of one process; several chat services need database.url as well',
    ]);
  }
  return freeze({
    ...settings,
    gateway: {
      ...settings.gateway,
      allowedOrigins: withOwn(settings.gateway.allowedOrigins),
      chatUpstream: settings.gateway.chatUpstream ?? addressOf(settings.chat),
      identityUpstream,
    },
    tokens: { ...settings.tokens, jwksUrl: settings.tokens.jwksUrl ?? `${keysAt}/auth/jwks` },
    chat: { ...settings.chat, allowedOrigins: withOwn(settings.chat.allowedOrigins) },
    dataDir: resolve(settings.dataDir),
    // Beside the file that names them, so that it can be read from anywhere.
    handlers: settings.handlers.map((module) => resolve(file === null ? '.' : dirname(file), module)),
    publicUrl,
    pageUrl,
    file,
    production,
  });
}

/** Where a service that listens there is reached from this machine. */
function addressOf({ host, port }: { readonly host: readonly string[]; readonly port: number }): string {
  const [first = '127.0.0.1'] = host;
  if (first.startsWith('unix:')) return first;
  const any = first === '0.0.0.0' || first === '::';
  return `http://${any ? '127.0.0.1' : first.includes(':') ? `[${first}]` : first}:${port}`;
}

function freeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) freeze(child);
  return Object.freeze(value);
}
