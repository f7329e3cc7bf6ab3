// Maru inside a program of one's own (Node 26): node examples/embed.ts
import { createMaru, readConfig } from '@maru/server';

// From maru.yaml and MARU_* variables. Said here instead: createMaru({ settings: { gateway: { port: 19091 } } })
const maru = createMaru({ config: readConfig() });

// Closed, it keeps the process no longer, which ends by itself.
process.once('SIGINT', () => maru.close());

const { gateway } = await maru.start();
console.log(`Chat is at ws://localhost:${gateway?.port}/chat`);
