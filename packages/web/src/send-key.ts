// The key that sends what is written.

/**
 * Enter, but for a new line with Shift. While an input method composes (한글), Enter ends the syllable and is not meant for
 * us; Safari says so only by the key code 229.
 */
export function isSendKey(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
}
