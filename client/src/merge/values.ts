/**
 * Values as JSON. What JSON has is itself; the rest is an object whose `$` names it: `undefined`, `number` (NaN, infinite,
 * -0), `bigint`, `bytes`, `object` (a plain one that has a `$` of its own), `document`, and the shared types.
 */
import type { JsonValue, KeyState } from './report-types.ts';

/** Deeper nesting is cut off: neither people nor the stack follow it. */
export const depthMax: number = 100;

/** What stands for a value that is nested too deep; it can not be restored. */
export const tooDeep: JsonValue = { $: 'deep' };

/** A plain value, as Yjs keeps it in maps, arrays, embeds and formats. */
export function encodeValue(value: unknown, depth = 0): JsonValue {
  if (depth > depthMax) return tooDeep;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $: 'number', value: numberText(value) };
    case 'bigint':
      return { $: 'bigint', value: String(value) };
    case 'object':
      break;
    default:
      return { $: 'undefined' };
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return { $: 'bytes', base64: base64Of(value) };
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, depth + 1));
  const entries = Object.entries(value).map(([key, item]): [string, JsonValue] => [key, encodeValue(item, depth + 1)]);
  // fromEntries defines what it is given, a key like __proto__ too.
  const plain = Object.fromEntries(entries);
  return Object.hasOwn(value, '$') ? { $: 'object', entries: plain } : plain;
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Equal values are equal texts, whatever the order of their keys. */
export function canonical(value: JsonValue | undefined): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

export function sameState(a: KeyState, b: KeyState): boolean {
  if (a.state === 'value' && b.state === 'value') return canonical(a.value) === canonical(b.value);
  const isEmpty = ({ state }: KeyState): boolean => state === 'absent' || state === 'deleted';
  return isEmpty(a) && isEmpty(b);
}
