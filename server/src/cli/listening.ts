/** Where a relay listens, in words: addresses as one types them, and why it cannot listen there. */

/** IPv6 addresses stand in brackets within a URL. */
export function showHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** An address to type where the relay listens on all of them. */
export function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host;
}

/** What is wrong and what to do, when it is about the address; null for errors about something else. */
export function listenFailure(error: Error, host: string, port: number): string | null {
  switch ('code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return `port ${port} on ${showHost(host)} is in use: stop what listens there, or choose another with --port (0 picks a free one)`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no address ${showHost(host)}: choose another with --host`;
    default:
      return null;
  }
}
