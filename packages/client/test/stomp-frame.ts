// Just enough of STOMP 1.2 for the scripted gateway: one frame a WebSocket message, no header that needs escaping.

export type Headers = Record<string, string>;
export type StompFrame = { command: string; headers: Headers; body: string };

export function encodeFrame(command: string, headers: Headers, body = ''): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return `${command}\n${lines.join('')}\n${body}\0`;
}

export function decodeFrame(text: string): StompFrame {
  const end = text.indexOf('\n\n');
  const [command = '', ...lines] = text.slice(0, end).split('\n');
  const headers = Object.fromEntries(
    lines.map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]),
  );
  return { command, headers, body: text.slice(end + 2).replace(/\0$/, '') };
}
