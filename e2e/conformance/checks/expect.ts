// What many checks ask of what has come.
import { type Connection, frameText, type Place } from '../connection.ts';
import { type Frame, header } from '../stomp-frame.ts';
import { expectThat, Unmet } from '../unmet.ts';

export function expectHeader(frame: Frame | undefined, name: string, value: string): void {
  if (frame === undefined) throw new Unmet('no frame came');
  const found = header(frame, name);
  const seen = found === undefined ? `no ${name}` : `${name}:${JSON.stringify(found)}`;
  expectThat(found === value, `${frame.command} has ${seen}, not ${JSON.stringify(value)}`);
}

/** The header's value, which must be there. */
export function headerOf(frame: Frame | undefined, name: string): string {
  const value = frame === undefined ? undefined : header(frame, name);
  if (value === undefined) throw new Unmet(`${frame?.command} has no ${name}`);
  return value;
}

/** Whether or not the sender was refused for it, what it sent reached nobody. */
export async function expectNotDelivered(
  sender: Connection,
  audience: Connection,
  place: Place,
): Promise<void> {
  const [answer] = await sender.goodbye();
  const delivered = await audience.untilMarker(place);
  expectThat(
    delivered.length === 0,
    `it was delivered, and the sender got ${answer === undefined ? 'nothing' : frameText(answer)}`,
  );
}

/** The connection still works: what it sends comes back. */
export async function expectAlive(connection: Connection, place: Place): Promise<void> {
  connection.subscribe(place, { id: `alive-${place.destination.slice(-6)}` });
  await connection.untilMarker(place);
}
