// Limits that clients check before they send. No import: a page that needs only these gets only these.

/** The most octets of UTF-8 in one chat message's content. */
export const MAX_CONTENT_OCTETS = 16 * 1024;

/** The most people one message can mention. */
export const MAX_MENTIONS = 20;
