// The server under test, as a check sees it: connections, and places that nobody else uses.
import { randomBytes } from 'node:crypto';
import { Connection, type Place } from './connection.ts';
import type { Headers, Version } from './stomp-frame.ts';
import { credentials, type Target, upgradeHeaders, wrongCredentials } from './target.ts';

/** `undefined` leaves a header out. */
export type ConnectHeaders = Readonly<Record<string, string | undefined>>;

export class Peer {
  readonly target: Target;
  readonly #connections: Connection[] = [];

  constructor(target: Target) {
    this.target = target;
  }

  /** Past the 101, and nothing sent. */
  async open(headers: Headers = { 'Sec-WebSocket-Protocol': 'v12.stomp' }): Promise<Connection> {
    const { url, timeoutMs } = this.target;
    const connection = await Connection.open({
      url,
      timeoutMs,
      headers: { ...upgradeHeaders(this.target), ...headers },
    });
    this.#connections.push(connection);
    return connection;
  }

  /** Past CONNECTED. */
  async connect(version: Version, headers: ConnectHeaders = {}): Promise<Connection> {
    const connection = await this.open();
    connection.send('CONNECT', this.connectHeaders(version, headers));
    await connection.nextIs('CONNECTED');
    connection.speak(version);
    return connection;
  }

  /** What CONNECT needs here. */
  connectHeaders(acceptVersion: string, headers: ConnectHeaders = {}): Headers {
    const all: ConnectHeaders = {
      'accept-version': acceptVersion,
      host: this.target.host,
      ...credentials(this.target),
      ...headers,
    };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return Object.fromEntries(given);
  }

  wrongCredentials(): Headers {
    return wrongCredentials(this.target);
  }

  /** A place of this check's own. */
  place(): Place {
    return this.#placeOf(`c${randomBytes(6).toString('hex')}`);
  }

  #placeOf(id: string): Place {
    const { destination, sendTo = destination } = this.target;
    return { destination: destination.replaceAll('{id}', id), sendTo: sendTo.replaceAll('{id}', id) };
  }

  /** Where the server lets nobody in. */
  forbidden(): Place {
    const destination = this.target.forbidden.replaceAll('{id}', `c${randomBytes(6).toString('hex')}`);
    return { destination, sendTo: destination };
  }

  /** A connection with its subscription, which is known to be in force, and the place. */
  async audience(
    version: Version,
    headers: Headers = {},
    place = this.place(),
  ): Promise<{ connection: Connection; place: Place }> {
    const connection = await this.connect(version);
    connection.subscribe(place, headers);
    await connection.untilMarker(place);
    return { connection, place };
  }

  /** What was said on all connections. */
  get transcript(): string[] {
    return this.#connections.flatMap(({ transcript }, index) => transcript.map((line) => `${index} ${line}`));
  }

  /** Of all connections, each once. */
  get shortcomings(): string[] {
    return [...new Set(this.#connections.flatMap(({ shortcomings }) => shortcomings))];
  }

  end(): void {
    for (const connection of this.#connections) connection.drop();
  }
}
