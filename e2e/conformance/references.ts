// Runs the suite against servers that it starts itself, and keeps the reports: node e2e/conformance/references.ts [maru] [rabbitmq]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { MaruProcess } from '../maru-process.ts';
import { rabbitmqVersion, startRabbitmq } from './rabbitmq.ts';

type Reference = {
  /** What the command is told. */
  readonly options: Readonly<Record<string, string>>;
  stop(): Promise<unknown>;
};

const REFERENCES: Readonly<Record<string, () => Promise<Reference>>> = {
  async maru() {
    const folder = mkdtempSync(join(tmpdir(), 'maru-conformance-'));
    const [gateway, chat, identity, web] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const maru = new MaruProcess(['start'], {
      folder,
      settings: {
        dataDir: join(folder, 'data'),
        'gateway.port': gateway,
        'chat.port': chat,
        'identity.port': identity,
        'web.port': web,
        handlers: join(import.meta.dirname, 'handlers.ts'),
      },
    });
    const stop = async (): Promise<void> => {
      await maru.end();
      rmSync(folder, { recursive: true });
    };
    try {
      await maru.ready();
      return {
        stop,
        options: {
          url: `ws://localhost:${gateway}/chat`,
          origin: `http://127.0.0.1:${web}`,
          token: await tokenOf(`http://localhost:${gateway}`),
          software: `Maru ${versionOf('../../packages/server/package.json')}, one process, through the gateway, default settings, e2e/conformance/handlers.ts`,
        },
      };
    } catch (error) {
      await stop();
      throw error;
    }
  },
  async rabbitmq() {
    const software = `RabbitMQ ${rabbitmqVersion()} of Debian, plugin rabbitmq_web_stomp, default settings, destinations \`/topic/…\``;
    const { url, stop } = await startRabbitmq();
    return {
      stop,
      options: {
        url,
        login: 'guest',
        passcode: 'guest',
        host: '/',
        destination: '/topic/conformance.{id}',
        software,
      },
    };
  },
};

const CLI = join(import.meta.dirname, 'cli.ts');

/** Longer than the deadlines of all of them: Spring waits 60 s for a first frame. */
const PATIENCE_MS = 70_000;

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(REFERENCES)) {
  const start = REFERENCES[name];
  if (start === undefined) throw new Error(`${name}: there are ${Object.keys(REFERENCES).join(', ')}`);
  const { options, stop } = await start();
  try {
    const given = Object.entries({
      ...options,
      write: name,
      patience: String(PATIENCE_MS),
      timeout: '2000',
    });
    const args = given.flatMap(([option, value]) => [`--${option}`, value]);
    await once(spawn(process.execPath, [CLI, ...args], { stdio: 'inherit' }), 'exit');
  } finally {
    await stop();
  }
}

function versionOf(file: string): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as {
    version: string;
  };
  return version;
}

async function tokenOf(gateway: string): Promise<string> {
  const account = { name: 'Conformance', email: 'conformance@example.com', password: 'seen from outside' };
  const session = await read(`${gateway}/auth/sign-up/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(account),
  });
  return read(`${gateway}/auth/token`, { headers: { authorization: `Bearer ${session}` } });
}

async function read(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} → ${response.status} ${await response.text()}`);
  const { token } = (await response.json()) as { token: string };
  return token;
}
