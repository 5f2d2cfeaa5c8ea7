import { RefusedError } from '../base/errors.ts';
import type { OpenedMessage, RefuseMessage } from '../protocol/message.ts';
import type { ClientDocument } from './client-document.ts';

/** A client's documents by what they go by on the present connection: a request until that is answered, then a number. */
export class ConnectionDocuments {
  /** The open ones. */
  readonly byNumber: Map<number, ClientDocument> = new Map();
  readonly #byRequest = new Map<number, ClientDocument>();
  /** Requests whose answer nobody wants any more, with their document: it is not asked for again before they are answered. */
  readonly #abandoned = new Map<number, string>();
  #lastRequest = 0;

  /** Gives the document a request; false while an earlier one for the same name is to be answered. */
  request(document: ClientDocument): boolean {
    for (const name of this.#abandoned.values()) if (name === document.name) return false;
    this.#lastRequest++;
    document.request = this.#lastRequest;
    this.#byRequest.set(document.request, document);
    return true;
  }

  /** The document that the relay opened; undefined when nobody wants it any more. Throws `RefusedError` for a number in use. */
  opened({ request, doc }: OpenedMessage): ClientDocument | undefined {
    const document = this.#byRequest.get(request);
    if (document === undefined) return document;
    if (doc === 0 || this.byNumber.has(doc))
      throw new RefusedError('TW_UNEXPECTED_MESSAGE', `the relay gave number ${doc} to a document`);
    this.#byRequest.delete(request);
    this.byNumber.set(doc, document);
    return document;
  }

  /** The document that is refused; undefined when nobody wants it any more. */
  refused({ scope, id }: RefuseMessage): ClientDocument | undefined {
    const document = (scope === 'request' ? this.#byRequest : this.byNumber).get(id);
    if (document === undefined) return document;
    this.#byRequest.delete(document.request);
    document.request = 0;
    return document;
  }

  /** A request that nobody waits for is answered; the name that may be asked for again, if there was such a request. */
  answered(request: number): string | undefined {
    const name = this.#abandoned.get(request);
    this.#abandoned.delete(request);
    return name;
  }

  /** The document is left; an answer to its request is not wanted any more. */
  remove({ request, number, name }: ClientDocument): void {
    this.byNumber.delete(number);
    if (this.#byRequest.delete(request)) this.#abandoned.set(request, name);
  }

  /** The connection is gone. */
  clear(): void {
    this.#byRequest.clear();
    this.byNumber.clear();
    this.#abandoned.clear();
  }
}
