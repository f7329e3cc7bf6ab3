// A service that says its name, that can be told to misbehave, and that ends and comes back on its port.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { portOf } from './service.ts';

type Manners =
  | 'answers'
  /** The connection breaks when the request is there. */
  | 'breaks'
  /** The same, in the middle of the answer. */
  | 'breaks-in-answer'
  /** The request waits until `answerHeld`. */
  | 'holds'
  /** 502 to requests, 503 to upgrades and checks. */
  | 'declines';

export class NamedService {
  readonly name: string;
  readonly host: string;
  port: number;
  manners: Manners = 'answers';
  /** Method and body of each request, checks left out. */
  readonly seen: string[] = [];
  checks = 0;
  /** What the gateways of its upgrades call themselves. */
  readonly gatewayIds = new Set<string>();
  readonly sessions = new Set<WebSocket>();
  readonly #held: ServerResponse[] = [];
  #server: Server | undefined;

  constructor(name: string, host = '127.0.0.1', port = 0) {
    this.name = name;
    this.host = host;
    this.port = port;
  }

  get address(): string {
    return `http://${this.host}:${this.port}`;
  }

  async start(): Promise<void> {
    const sockets = new WebSocketServer({ noServer: true });
    const server = createServer((req, res) => this.#answer(req, res));
    server.on('upgrade', (req, socket, head) => {
      this.gatewayIds.add(`${req.headers['x-gateway-id']}`);
      if (this.manners === 'breaks') socket.destroy();
      else if (this.manners === 'declines') {
        socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n');
      } else {
        sockets.handleUpgrade(req, socket, head, (session) => {
          this.sessions.add(session);
          session.once('close', () => this.sessions.delete(session));
          session.on('message', (data) => session.send(`${this.name}: ${data}`));
        });
      }
    });
    server.listen(this.port, this.host);
    await once(server, 'listening');
    this.port = portOf(server);
    this.#server = server;
  }

  /** As a process that was killed. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const session of this.sessions) session.terminate();
    this.sessions.clear();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  answerHeld(): void {
    for (const res of this.#held.splice(0)) res.end(this.name);
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.url === '/healthz') {
      this.checks += 1;
      if (this.manners === 'holds') return;
      res.writeHead(this.manners === 'declines' ? 503 : 200).end();
      return;
    }
    let body = '';
    for await (const chunk of req) body += chunk;
    this.seen.push(`${req.method} ${body}`.trim());
    if (this.manners === 'breaks') req.socket.destroy();
    else if (this.manners === 'breaks-in-answer') {
      res.writeHead(200, { 'Content-Length': 100 });
      res.write('half', () => req.socket.destroy());
    } else if (this.manners === 'holds') this.#held.push(res);
    else res.writeHead(this.manners === 'declines' ? 502 : 200).end(this.name);
  }
}
