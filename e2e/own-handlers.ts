// A handler module beside the example's, with what a test needs and nobody else: handlers that wait, refuse, and keep.
import {
  defineHandlers,
  type HandlerResult,
  MaruError,
  mapDestination,
  type Publishable,
} from '@maru/server';

/** Opened by `/pub/test/release/{name}`, whichever comes first. */
const gates = new Map<string, PromiseWithResolvers<void>>();
function gate(name: string): PromiseWithResolvers<void> {
  const found = gates.get(name) ?? Promise.withResolvers<void>();
  gates.set(name, found);
  return found;
}

async function wait(
  name: string,
  publish: (destination: string, message: Publishable) => void,
): Promise<HandlerResult> {
  await gate(name).promise;
  publish('/topic/test', { body: name });
  return { 'waited-for': name };
}

export default defineHandlers({
  topics: [{ destination: '/topic/test' }],
  destinations: [
    mapDestination({
      destination: '/pub/test/wait/{name}',
      handle: ({ parameters, publish }) => wait(parameters.name, publish),
    }),
    mapDestination({
      destination: '/pub/test/meanwhile/{name}',
      isConcurrent: true,
      handle: ({ parameters, publish }) => wait(parameters.name, publish),
    }),
    mapDestination({
      destination: '/pub/test/release/{name}',
      handle: ({ parameters }) => gate(parameters.name).resolve(),
    }),
    mapDestination({
      destination: '/pub/test/say',
      handle: ({ message, publish }) => publish('/topic/test', message),
    }),
    mapDestination({
      destination: '/pub/test/refuse',
      handle: () => {
        throw new MaruError('refused', { message: '오늘은 안 됩니다' });
      },
    }),
    mapDestination({
      destination: '/pub/test/break',
      handle: () => {
        throw new Error('the secret of the handler');
      },
    }),
    mapDestination({
      destination: '/pub/test/keep/{room}',
      handle: ({ parameters, body, message, append, publish }) => {
        append({ roomId: parameters.room, content: new TextDecoder().decode(body) });
        publish('/topic/test', message);
      },
    }),
  ],
});
