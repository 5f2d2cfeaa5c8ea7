/** What is sent with every document that is opened; a function is asked anew before each attempt to connect. */
export type Token = string | (() => string | Promise<string>);

/** The token for an attempt to connect. Rejects as the application's function does. */
export async function askToken(token: Token = ''): Promise<string> {
  return typeof token === 'function' ? token() : token;
}
