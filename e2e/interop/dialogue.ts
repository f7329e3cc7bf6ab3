// What the suite and a client program say to each other, a line of JSON each: commands in, events out.
// The programs in other languages speak the same.

export type Headers = Readonly<Record<string, string>>;

export type Connect = {
  readonly do: 'connect';
  /** Of the chat, `ws://…/chat`. */
  readonly url: string;
  /** The access token, without `Bearer`; on standard input, for the list of processes shows arguments. */
  readonly token: string;
  readonly version: '1.0' | '1.1' | '1.2';
  /** WebSocket messages are text without it. */
  readonly binary?: boolean;
  /** A large STOMP frame goes out as several WebSocket messages. */
  readonly splitLargeFrames?: boolean;
  /** What the client offers and wants. */
  readonly heartBeatMs: number;
};

export type Command =
  | Connect
  | {
      readonly do: 'subscribe';
      readonly id: string;
      readonly destination: string;
      readonly ack: 'auto' | 'client' | 'client-individual';
      /** Whatever else goes into the frame, `receipt` among them. */
      readonly headers: Headers;
    }
  | { readonly do: 'unsubscribe'; readonly id: string; readonly receipt: string }
  | {
      readonly do: 'send';
      readonly destination: string;
      readonly body: string;
      readonly receipt?: string;
      readonly transaction?: string;
    }
  /** Of a MESSAGE that was told of. */
  | { readonly do: 'ack'; readonly messageId: string }
  | { readonly do: 'begin'; readonly transaction: string }
  | { readonly do: 'commit'; readonly transaction: string; readonly receipt: string }
  /** As the library does it when asked to end well. */
  | { readonly do: 'disconnect' };

/** A header that the library keeps to itself is not there. */
export type Event =
  | { readonly event: 'connected'; readonly headers: Headers }
  | { readonly event: 'receipt'; readonly id: string; readonly headers: Headers }
  | { readonly event: 'message'; readonly headers: Headers; readonly body: string }
  | { readonly event: 'error'; readonly headers: Headers; readonly body: string }
  /** Nothing comes after it; the program ends. */
  | { readonly event: 'closed' };
