#!/usr/bin/env node
// The command `maru`: which roles run in this process, with which configuration.
// Whole, not by name: an old Node lacks some of it, and is to be told what it needs.
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ConfigError, readConfig } from './config.ts';
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

const USAGE = `maru ${VERSION}

usage: maru COMMAND [--config FILE] [--set SETTING=VALUE]…

${Object.entries(RUN)
  .map(([name, { does }]) => `  ${name.padEnd(14)}${does}`)
  .join('\n')}
  check-config  reads the configuration, prints it and exits
  help          this text
  version       the version

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
  if (rest.length > 0) return fail(`maru ${command} takes no "${rest[0]}"; see maru help`);
  const run = RUN[command];
  if (run === undefined && command !== 'check-config')
    return fail(`maru has no command "${command}"; see maru help`);

  const config = readConfig({ file: values.config, assignments: values.set ?? [] });
  if (run === undefined) return console.log(JSON.stringify(config, hideSecrets, 2));
  const log = createLog(config.log.level);
  // A second start then skips half of the first one's work; where the folder can't be written nothing is kept.
  nodeModule.enableCompileCache(fileURLToPath(new URL('../.cache', import.meta.url)));
  const { createMaru } = await import('./main.ts');
  let stop: (code: number) => void = (code) => process.exit(code);
  const maru = createMaru({ config, roles: run.roles, log, onFatal: () => stop(1) });
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
  return key === 'secret' && value !== undefined ? '[secret]' : value;
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
