// RabbitMQ with its Web-STOMP plugin as a child process: own folder, own node name, own epmd, loopback only.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../free-port.ts';

/** Where Debian and Ubuntu put it. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const LIBRARY = '/usr/lib/rabbitmq/lib';

const START_WITHIN_MS = 60_000;

export type Rabbitmq = { readonly url: string; stop(): Promise<void> };

export async function startRabbitmq(): Promise<Rabbitmq> {
  const folder = mkdtempSync(join(tmpdir(), 'maru-rabbitmq-'));
  const [port, epmd, amqp, stomp, distribution] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o400 });
    return join(folder, name);
  };
  for (const name of ['log', 'mnesia']) mkdirSync(join(folder, name));
  file('.erlang.cookie', randomBytes(16).toString('hex'));
  const environment = {
    PATH: process.env.PATH,
    HOME: folder,
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `conformance${port}@localhost`,
    RABBITMQ_USE_LONGNAME: 'false',
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_NODE_PORT: String(amqp),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'none.config'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins', '[rabbitmq_web_stomp].\n'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONFIG_FILE: file(
      'rabbitmq.conf',
      `listeners.tcp.1 = 127.0.0.1:${amqp}
stomp.listeners.tcp.1 = 127.0.0.1:${stomp}
web_stomp.tcp.ip = 127.0.0.1
web_stomp.tcp.port = ${port}
web_stomp.ws_path = /ws
loopback_users.guest = true
log.console = false
log.file.level = error
`,
    ),
  };
  const start = (command: string, args: readonly string[]): ChildProcess =>
    spawn(command, args, { env: environment, stdio: 'ignore' });
  const children = [
    start('epmd', ['-address', '127.0.0.1', '-port', String(epmd), '-relaxed_command_check']),
    start(SERVER, []),
  ];
  const stop = async (): Promise<void> => {
    // The broker first: it says goodbye to epmd.
    for (const child of children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `ws://127.0.0.1:${port}/ws`;
  try {
    await accepts(port, children);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export function rabbitmqVersion(): string {
  const [name = ''] = readdirSync(LIBRARY).filter((entry) => entry.startsWith('rabbitmq_server-'));
  return name.replace('rabbitmq_server-', '');
}

async function accepts(port: number, children: readonly ChildProcess[]): Promise<void> {
  const end = performance.now() + START_WITHIN_MS;
  while (performance.now() < end) {
    if (children.some(({ exitCode }) => exitCode !== null)) throw new Error('RabbitMQ ended');
    const socket = connect(port, '127.0.0.1');
    const accepted = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (accepted) return;
    await pause(200);
  }
  throw new Error(`RabbitMQ does not listen after ${START_WITHIN_MS} ms`);
}
