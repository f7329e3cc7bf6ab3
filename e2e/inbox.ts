// What has come and was not taken yet; whoever waits for the next is told when nothing will come any more.

export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: PromiseWithResolvers<T>[] = [];
  #end: Error | null = null;

  /** Come and not taken. */
  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const first = this.#waiting.shift();
    if (first === undefined) this.#items.push(item);
    else first.resolve(item);
  }

  /** What has come can still be taken; past it `next` rejects. */
  end(reason: Error): void {
    this.#end = reason;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(reason);
  }

  async next(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return item;
    if (this.#end !== null) throw this.#end;
    const waiting = Promise.withResolvers<T>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  async take(count: number): Promise<T[]> {
    const items: T[] = [];
    while (items.length < count) items.push(await this.next());
    return items;
  }
}
