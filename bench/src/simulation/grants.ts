/** Tokens, and how long what they grant lasts: what applications give to their clients, and what the authorizer reads. */
import type { DeviceSettings } from './settings.ts';

/** How long a session may go on after its grant has ended (A1): the relay looks once a second. */
export const graceMs = 5000;

/** Devices whose tokens end, and after how long (virtual ms). */
export type TokenLives = Map<string, number>;

/** A new token for a device, as its application has it at the moment. */
export function newToken({ name, access }: DeviceSettings, lives: TokenLives, now: number): string {
  const lifeMs = lives.get(name);
  return `${access} ${lifeMs === undefined ? 'never' : now + lifeMs} ${name}`;
}

/** What a token says; `endsAtMs` in virtual time, Infinity for never. */
export function readToken(token: string): { access: 'read' | 'write'; endsAtMs: number; user: string } {
  const [access, end, ...user] = token.split(' ');
  const endsAtMs = end === 'never' ? Infinity : Number(end);
  return { access: access === 'read' ? 'read' : 'write', endsAtMs, user: user.join(' ') };
}
