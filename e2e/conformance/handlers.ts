// What Maru is given for the suite: a topic where a client's SEND comes out as it went in, as on other brokers.
import { defineHandlers } from '@maru/server';

export default defineHandlers({
  destinations: [],
  topics: [{ destination: '/topic/conformance/{name}', maySend: () => true, maySubscribe: () => true }],
});
