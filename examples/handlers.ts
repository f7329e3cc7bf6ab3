// Destinations of your own. Run with them: npm run -s maru -- start --set handlers=./examples/handlers.ts
// or, in maru.yaml: handlers: [./examples/handlers.ts]
import {
  type ClientCommand,
  defineHandlers,
  type Frame,
  type Interceptor,
  type InterceptorContext,
  MaruError,
  mapDestination,
} from '@maru/server';
import { z } from 'zod';

/** A wave to whoever is in the room and looks at it now. It is not kept. */
const wave = mapDestination({
  destination: '/pub/wave/{room}',
  schema: z.strictObject({ emoji: z.emoji().default('👋') }),
  handle: async ({ body, parameters, principal, isMember, publish }) => {
    if (!(await isMember(parameters.room))) throw new MaruError('not-a-member');
    publish(`/topic/wave/${parameters.room}`, { json: { from: principal.name, emoji: body.emoji } });
  },
});

/** What somebody sends comes back to all their sessions: user headers, content type and octets as they were. */
const echo = mapDestination({
  destination: '/pub/echo',
  handle: ({ message, principal, publish }) => publish('/user/queue/echo', message, { to: principal.userId }),
});

/** No more waves than this of one person in a second, counted in this process. */
class WaveLimit implements Interceptor {
  readonly #most: number;
  readonly #waves = new Map<string, number>();
  #second = 0;

  constructor(most: number) {
    this.#most = most;
  }

  intercept({ command, headers }: Frame<ClientCommand>, { principal }: InterceptorContext): void {
    if (command !== 'SEND' || !headers.get('destination')?.startsWith('/pub/wave/')) return;
    if (principal === null) return;
    const second = Math.floor(Date.now() / 1_000);
    if (second !== this.#second) this.#waves.clear();
    this.#second = second;
    const waves = (this.#waves.get(principal.userId) ?? 0) + 1;
    this.#waves.set(principal.userId, waves);
    if (waves > this.#most) throw new MaruError('refused', { message: 'Waving this fast is no waving' });
  }
}

export default defineHandlers({
  destinations: [wave, echo],
  topics: [
    {
      destination: '/topic/wave/{room}',
      maySubscribe: ({ parameters, isMember }) => isMember(parameters.room),
    },
    { destination: '/user/queue/echo' },
    // Anybody may listen in a lobby and speak there, but for the one with the notices. SEND goes straight to it.
    { destination: '/topic/lobby/{name}', maySend: ({ parameters }) => parameters.name !== 'notices' },
  ],
  interceptors: [new WaveLimit(20)],
});
