// The same in TypeScript, with the client and by the packages' own types; first with settings that cannot be right.
import { Account, ChatClient, RestClient, type SessionTokenStorage } from '@maru/client';
import type { RoomEntry } from '@maru/contract';
import {
  ConfigError,
  createLog,
  createMaru,
  type GivenSettings,
  type Listening,
  type Maru,
} from '@maru/server';
import { encodeFrame, FrameDecoder } from '@maru/stomp';

const [gateway = 0, chat = 0, identity = 0] = process.argv.slice(2).map(Number);
const ports: GivenSettings = {
  gateway: { port: gateway },
  chat: { port: chat },
  identity: { port: identity },
  operations: { port: 0 },
};

try {
  createMaru({ settings: { gateway: { port: 70_000 }, chat: { frameOctets: 0 } } });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.log(`problems: ${error.problems.map((problem) => problem.split(':')[0]).join(', ')}`);
}

const maru: Maru = createMaru({
  settings: { ...ports, dataDir: 'typed-data' },
  roles: ['identity', 'chat', 'gateway'],
  log: createLog('warn'),
  onFatal: (error: Error) => console.error(error),
});
const listening: Listening = await maru.start();
console.log(`listening: ${Object.keys(listening).join(', ')}`);

let sessionToken: string | null = null;
const storage: SessionTokenStorage = {
  read: () => sessionToken,
  write: (token) => {
    sessionToken = token;
  },
};
const gatewayUrl = `http://localhost:${gateway}`;
const tokens = new Account({ gatewayUrl, storage });
await tokens.signUp({ name: 'Cho', email: 'cho@example.com', password: 'the password of Cho' });
const rest = new RestClient({ gatewayUrl, tokens });
const { roomId } = await rest.createRoom({ name: 'The floor', visibility: 'private' });
const client = new ChatClient({ gatewayUrl, tokens, rest });
const heard = new Promise<RoomEntry>((resolve) => {
  client.subscribeRoom(roomId, {
    onEntry: (entry) => {
      if (entry.type === 'message.created') resolve(entry);
    },
  });
});
client.connect();
await client.sendMessage(roomId, '안녕하세요');
const entry = await heard;
if (entry.type === 'message.created') console.log(`${entry.senderName}: ${entry.content}`);
await client.close();
await maru.close();
console.log(`the wire format: ${typeof FrameDecoder}, ${typeof encodeFrame}`);
