// What does a delivery cost the server in one room of 1,000 readers, one sender with 32 messages on their way?
// Run: node bench/fanout.ts [clients] [seconds]   — server on core 0, load generator on core 1 (needs cargo, taskset).
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, cpus, platform, tmpdir } from 'node:os';
import { join } from 'node:path';

const [clients = '1000', seconds = '8'] = process.argv.slice(2);
const PORTS = { gateway: 29_091, chat: 28_081, identity: 28_082, web: 25_500, operations: 29_090 };
const gateway = `http://127.0.0.1:${PORTS.gateway}`;
const load = join(import.meta.dirname, 'load');
const folder = mkdtempSync(join(tmpdir(), 'maru-bench-fanout-'));

execFileSync('cargo', ['build', '--release', '--quiet'], { cwd: load, stdio: 'inherit' });
const settings = Object.entries(PORTS).flatMap(([role, port]) => ['--set', `${role}.port=${port}`]);
const cli = join(import.meta.dirname, '../packages/server/src/cli.ts');
const args = [
  '-c',
  '0',
  process.execPath,
  cli,
  'start',
  '--set',
  `dataDir=${folder}`,
  '--set',
  'log.level=warn',
];
const server = spawn('taskset', [...args, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
try {
  await once(server.stdout, 'data');
  const session = await post('/auth/sign-up/email', {
    name: 'Load',
    email: 'load@example.com',
    password: 'bench bench bench',
  });
  const { token } = await read<{ token: string }>('/auth/token', session.token);
  const { roomId } = await post('/api/rooms', { name: 'Bench', visibility: 'public' }, token);
  console.log(`${cpus()[0]?.model} × ${cpus().length}, ${platform()} ${arch()}, Node ${process.version}`);
  const generator = [
    '-c',
    '1',
    join(load, 'target/release/load'),
    'fanout',
    '--proto',
    'stomp',
    '--receipts',
  ];
  const target = [
    '--url',
    `ws://127.0.0.1:${PORTS.gateway}/chat`,
    '--header',
    `Authorization: Bearer ${token}`,
  ];
  const shape = [
    '--token',
    token,
    '--clients',
    clients,
    '--room-name',
    roomId,
    '--payload',
    '150',
    '--duration',
    seconds,
  ];
  execFileSync('taskset', [...generator, ...target, ...shape, '--server-pid', String(server.pid)], {
    stdio: 'inherit',
  });
} finally {
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  rmSync(folder, { recursive: true });
}

async function post(path: string, body: object, token = ''): Promise<{ token: string; roomId: string }> {
  return read(path, token, { method: 'POST', body: JSON.stringify(body) });
}

async function read<T>(path: string, token: string, init: RequestInit = {}): Promise<T> {
  const headers = {
    'Content-Type': 'application/json',
    ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
  };
  const response = await fetch(gateway + path, { ...init, headers });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
