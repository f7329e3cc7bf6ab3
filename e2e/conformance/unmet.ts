// How a check ends that does not pass.

/** The server did something else than is required; the message says what was seen. */
export class Unmet extends Error {}

/** Whether the server does it cannot be seen from outside; the message says why. */
export class Unseen extends Error {}

export function expectThat(condition: boolean, seen: string): asserts condition {
  if (!condition) throw new Unmet(seen);
}
