/** What is sent with every document that is opened; a function is asked anew before each attempt to connect and before a grant ends. */
export type Token = string | (() => string | Promise<string>);

/** The token to use now. Rejects as the application's function does. */
export async function askToken(token: Token = ''): Promise<string> {
  return typeof token === 'function' ? token() : token;
}
