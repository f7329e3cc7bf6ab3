// Says something in a room and shows what is said there (Node 22 or newer): TOKEN=… ROOM=… node examples/chat.mjs "Hello"
import { Client } from '@stomp/stompjs';

const { TOKEN, ROOM, CHAT_URL = 'ws://localhost:19091/chat' } = process.env;
const chat = new Client({
  webSocketFactory: () => new WebSocket(CHAT_URL, ['v12.stomp', `bearer.${TOKEN}`]),
  onConnect() {
    chat.subscribe(`/topic/chat/room/${ROOM}`, ({ body }) => console.log(JSON.parse(body)));
    const hello = { roomId: ROOM, content: process.argv[2] ?? 'Hello from Node' };
    chat.publish({ destination: '/pub/send/message', body: JSON.stringify(hello) });
  },
  onStompError: ({ headers }) => console.error(headers.message),
});
chat.activate();
