// A NATS server of the test's own: Debian's, on a port of its own, stopped by its pid.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from './free-port.ts';

export type Nats = {
  readonly url: string;
  /** kill -9. */
  kill(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
};

export async function startNats(): Promise<Nats> {
  const port = await freePort();
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    const starting = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], {
      stdio: 'ignore',
      // Where Debian has it, which is on root's PATH alone.
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    server = starting;
    const ended = Promise.race([once(starting, 'exit'), once(starting, 'error')]).then(([reason]) => {
      throw new Error(`nats-server did not start (${reason}): apt-get install nats-server`);
    });
    ended.catch(() => {});
    await Promise.race([listening(port), ended]);
  }

  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    start,
    async kill() {
      if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
      const exit = once(server, 'exit');
      server.kill('SIGKILL');
      await exit;
    },
  };
}

/** Resolves when somebody takes connections there. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const [event] = await Promise.race([
      once(socket, 'data').then(() => ['there']),
      once(socket, 'close').then(() => ['away']),
    ]).catch(() => ['away']);
    socket.destroy();
    if (event === 'there') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
