// Which STOMP subprotocol answers a client's offer (RFC 6455 §4.2.2). It doesn't bind the STOMP version.

const PREFERRED = ['v12.stomp', 'v11.stomp', 'v10.stomp'] as const;

/** The highest of ours that was offered; `false`: none, and none is answered. */
export function chooseSubprotocol(offered: ReadonlySet<string>): string | false {
  return PREFERRED.find((subprotocol) => offered.has(subprotocol)) ?? false;
}
