// A program with Maru in it, as somebody writes it who has installed the packages: two people chat, then it ends by itself.
import { createMaru } from '@maru/server';
import { Client } from '@stomp/stompjs';

const [gateway, chat, identity, web] = process.argv.slice(2).map(Number);
const maru = createMaru({
  settings: {
    dataDir: 'chat-data',
    log: { level: 'warn' },
    gateway: { port: gateway },
    chat: { port: chat },
    identity: { port: identity },
    web: { port: web },
    operations: { port: 0 },
  },
});
const listening = await maru.start();
console.log(`the page: ${(await fetch(`http://127.0.0.1:${listening.web?.port}/`)).status}`);

const url = `http://localhost:${gateway}`;
const ann = await signUp('Ann');
const ben = await signUp('Ben');
const { roomId } = await call('/api/rooms', ann, { name: 'The floor', visibility: 'public' });
await call(`/api/rooms/${roomId}/members`, ben, {});

const reader = await connect(ben);
const heard = Promise.withResolvers();
const following = Promise.withResolvers();
reader.watchForReceipt('following', following.resolve);
reader.subscribe(`/topic/chat/room/${roomId}`, heard.resolve, { receipt: 'following' });
await following.promise;

const writer = await connect(ann);
const hello = { roomId, content: 'Good evening' };
writer.publish({ destination: '/pub/send/message', body: JSON.stringify(hello) });
const { senderName, content } = JSON.parse((await heard.promise).body);
console.log(`${senderName}: ${content}`);
await writer.deactivate();

// Ben stays, and is sent away.
const sentAway = new Promise((resolve) => {
  reader.onWebSocketClose = resolve;
});
await maru.close();
console.log(`Ben was sent away with ${(await sentAway).code}`);

async function signUp(name) {
  const person = { name, email: `${name}@example.com`, password: `the password of ${name}` };
  const { token } = await call('/auth/sign-up/email', undefined, person);
  return (await call('/auth/token', token)).token;
}

async function call(path, token, body) {
  const response = await fetch(url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} → ${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}

function connect(token) {
  const client = new Client({
    reconnectDelay: 0,
    webSocketFactory: () => new WebSocket(`ws://localhost:${gateway}/chat`, ['v12.stomp', `bearer.${token}`]),
  });
  return new Promise((resolve, reject) => {
    client.onConnect = () => resolve(client);
    client.onStompError = ({ headers }) => reject(new Error(headers.message));
    client.activate();
  });
}
