#!/usr/bin/env node
// The command `maru`: which roles run in this process, with which configuration.
// Whole, not by name: an old Node lacks some of it, and is to be told what it needs.
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Config, ConfigError, readConfig } from './config.ts';
import { ListenError } from './listen.ts';
import type { Listening, Role } from './maru.ts';
import { createLog } from './telemetry/log.ts';
import { nodeProblem, VERSION } from './version.ts';

const RUN: Readonly<Record<string, { readonly roles: readonly Role[]; readonly does: string }>> = {
  start: {
    roles: ['identity', 'chat', 'gateway', 'web'],
    does: 'everything in one process, with embedded databases',
  },
  gateway: { roles: ['gateway'], does: 'the gateway alone: routes, CORS, tokens' },
  chat: { roles: ['chat'], does: 'the chat service alone: STOMP, rooms, history' },
  identity: { roles: ['identity'], does: 'the identity service alone: accounts, tokens' },
  web: { roles: ['web'], does: 'the web page alone' },
};

type Option = 'quick' | 'json' | 'check';
type Call = { readonly config: Config; readonly operand: string } & Readonly<Record<Option, boolean>>;
type Tool = {
  /** What it needs after its name. */
  readonly operand?: 'FOLDER';
  readonly options?: readonly Option[];
  readonly does: string;
  /** @returns whether all is well; what is not was printed */
  run(call: Call): boolean | Promise<boolean>;
};

/** Loaded when it is asked for: starting a server needs none of it. */
const dataCommands = () => import('./data-commands.ts');

const TOOLS: Readonly<Record<string, Tool>> = {
  'check-config': {
    does: 'reads the configuration, prints it and exits',
    run({ config }) {
      console.log(JSON.stringify(config, hideSecrets, 2));
      return true;
    },
  },
  backup: {
    operand: 'FOLDER',
    does: 'copies the data to a new folder, also while a server runs',
    run: async ({ config, operand }) => (await dataCommands()).printBackup(config.dataDir, operand),
  },
  restore: {
    operand: 'FOLDER',
    does: 'a backup into a new or empty dataDir',
    run: async ({ config, operand }) => (await dataCommands()).printRestore(config.dataDir, operand),
  },
  migrate: {
    options: ['check'],
    does: 'brings the PostgreSQL database to the tables of this version',
    run: async ({ config, check }) =>
      (await import('./migrate-command.ts')).printMigration(config.database, check),
  },
  verify: {
    options: ['quick', 'json'],
    does: 'reads the data through for damage, also while a server runs',
    run: async ({ config, ...options }) => (await dataCommands()).printVerification(config.dataDir, options),
  },
};

const USAGE = `maru ${VERSION}

usage: maru COMMAND [--config FILE] [--set SETTING=VALUE]…

${Object.entries<Pick<Tool, 'operand' | 'does'>>({ ...RUN, ...TOOLS })
  .map(([name, { operand = '', does }]) => `  ${`${name} ${operand}`.padEnd(16)}${does}`)
  .join('\n')}
  help            this text
  version         the version

  verify --quick  leaves out whether each index agrees with its table
  verify --json   prints what it found as JSON
  migrate --check only says what is missing; exit code 1 if something is

Settings come from maru.yaml (or --config), then from the environment (gateway.port is
MARU_GATEWAY_PORT), then from --set. All of them: docs/operations.md`;

/** Expected failures: their message is all a person needs. */
const EXPECTED = [ConfigError, ListenError];

async function main(): Promise<void> {
  const problem = nodeProblem();
  if (problem !== null) return fail(problem);
  const { values, positionals } = readArguments();
  const [command = 'help', ...rest] = positionals;
  if (values.help || command === 'help') return console.log(USAGE);
  if (values.version || command === 'version') return console.log(VERSION);
  const run = Object.hasOwn(RUN, command) ? RUN[command] : undefined;
  const tool = Object.hasOwn(TOOLS, command) ? TOOLS[command] : undefined;
  if (run === undefined && tool === undefined) {
    return fail(`maru has no command "${command}"; see maru help`);
  }
  const operand = (tool?.operand && rest.shift()) ?? '';
  if (rest.length > 0) return fail(`maru ${command} takes no "${rest[0]}"; see maru help`);
  if (tool?.operand && operand === '') {
    return fail(`maru ${command} needs a ${tool.operand}; see maru help`);
  }
  const stray = (['quick', 'json', 'check'] as const).find(
    (name) => values[name] && !tool?.options?.includes(name),
  );
  if (stray !== undefined) return fail(`maru ${command} takes no "--${stray}"; see maru help`);

  const config = readConfig({ file: values.config, assignments: values.set ?? [] });
  if (run !== undefined) return start(run.roles, config);
  const { quick = false, json = false, check = false } = values;
  if (!(await tool?.run({ config, operand, quick, json, check }))) process.exitCode = 1;
}

async function start(roles: readonly Role[], config: Config): Promise<void> {
  const log = createLog(config.log.level);
  // A second start then skips half of the first one's work; where the folder can't be written nothing is kept.
  nodeModule.enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)));
  const { createMaru } = await import('./main.ts');
  let stop: (code: number) => void = (code) => process.exit(code);
  const maru = createMaru({ config, roles, log, onFatal: () => stop(1) });
  const listening = await maru.start();
  let stopping = false;
  stop = (code) => {
    // A second Ctrl-C doesn't wait.
    if (stopping) process.exit(code || 130);
    stopping = true;
    maru.close().then(
      () => process.exit(code),
      (error: unknown) => {
        log.fatal({ err: error }, 'could not end cleanly');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!stopping) console.log('Ending: sending clients away, writing what waits …');
      stop(0);
    });
  }
  // Last: whoever reads that it is ready may end it at once.
  announce(listening, config.publicUrl, config.dataDir);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        set: { type: 'string', multiple: true },
        quick: { type: 'boolean' },
        json: { type: 'boolean' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
  } catch (error) {
    throw new ConfigError([`${(error as Error).message}; see maru help`]);
  }
}

function announce(listening: Listening, publicUrl: string, dataDir: string): void {
  const lines = [`Maru ${VERSION} is ready after ${Math.round(performance.now())} ms.`];
  const line = (name: string, text: string) => lines.push(`  ${name.padEnd(12)}${text}`);
  const { web, gateway, chat, identity, operations } = listening;
  if (web) line('page', `http://${web.hosts[0]}:${web.port}   ← open this in a browser`);
  if (gateway)
    line('gateway', `${publicUrl}   STOMP at /chat, REST at /api, accounts at /auth, API docs at /api/docs`);
  if (chat) line('chat', `${chat.hosts[0]}:${chat.port}   behind the gateway`);
  if (identity) line('identity', `${identity.hosts[0]}:${identity.port}   behind the gateway`);
  if (chat || identity) line('data', dataDir);
  if (operations)
    line('operations', `${operations.hosts[0]}:${operations.port}   /healthz, /readyz, /metrics`);
  lines.push('  Ctrl-C ends it.');
  console.log(lines.join('\n'));
}

function hideSecrets(key: string, value: unknown): unknown {
  if (key === 'secret' && value !== undefined) return '[secret]';
  return key === 'url' && typeof value === 'string' ? value.replace(/:[^:@/]+@/, ':[secret]@') : value;
}

function fail(message: string): void {
  for (const line of message.split('\n')) console.error(`maru: ${line}`);
  process.exitCode = 1;
}

main().catch((error: unknown) => {
  const expected =
    EXPECTED.some((kind) => error instanceof kind) || (error instanceof Error && isUserError(error));
  if (expected) fail((error as Error).message);
  else {
    console.error('maru: could not start:', error);
  }
  process.exit(1);
});

/** Errors of the folder, the secrets and the page are written for people; a system error or a bug keeps its stack. */
function isUserError(error: Error): boolean {
  return error.constructor === Error && !('code' in error);
}
