/** Edits as people make them: text, maps, arrays and types within types, insertions and deletions. */
import * as Y from 'yjs';
import type { Dice } from './dice.ts';

/** Beyond one code unit Yjs itself may diverge: surrogate pairs are left out, as is undo. */
const alphabet = 'abcdefghij éß漢字\n';
const keys = ['title', 'color', 'count', 'nested'] as const;

/** Whatever comes to mind, perhaps more than travels in one part; or nothing but a deletion, which no state vector shows. */
export type EditKind = 'any' | 'large' | 'deletion';

/** Changes something, in one transaction. */
export function edit(doc: Y.Doc, dice: Dice, kind: EditKind): void {
  doc.transact(() => {
    if (kind === 'deletion') erase(doc.getText('text'), dice);
    else for (let times = dice.pick([1, 1, 1, 2, 3]); times > 0; times--) change(doc, dice, kind === 'large');
  });
}

/** What an application sees of a document. */
export function content(doc: Y.Doc): string {
  const all = [doc.getText('text').toDelta(), doc.getMap('map').toJSON(), doc.getArray('array').toJSON()];
  // The order of a map's keys is that of their arrival, and means nothing.
  return JSON.stringify(all, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

function change(doc: Y.Doc, dice: Dice, large: boolean): void {
  const text = doc.getText('text');
  const map = doc.getMap<unknown>('map');
  const array = doc.getArray<unknown>('array');
  const kind = dice.weighted({ type: 8, erase: 4, set: 3, unset: 1, add: 2, remove: 2, nested: 2, format: 1 });
  switch (kind) {
    case 'type':
      text.insert(dice.below(text.length + 1), large ? 'x'.repeat(70_000) : word(dice));
      return;
    case 'erase':
      erase(text, dice);
      return;
    case 'format':
      if (text.length > 0) text.format(dice.below(text.length), 1, { bold: dice.chance(0.5) ? true : null });
      return;
    case 'set':
      map.set(dice.pick(keys), dice.chance(0.2) ? new Y.Map([['inner', dice.below(100)]]) : word(dice));
      return;
    case 'unset':
      map.delete(dice.pick(keys));
      return;
    case 'add':
      array.insert(dice.below(array.length + 1), [dice.chance(0.3) ? newText(word(dice)) : dice.below(1000)]);
      return;
    case 'remove':
      if (array.length > 0) array.delete(dice.below(array.length), 1);
      return;
    case 'nested':
      changeNested(map, array, dice);
  }
}

function changeNested(map: Y.Map<unknown>, array: Y.Array<unknown>, dice: Dice): void {
  const inArray = array.length === 0 ? undefined : array.get(dice.below(array.length));
  const inMap = map.get(dice.pick(keys));
  if (inArray instanceof Y.Text) {
    if (dice.chance(0.6)) inArray.insert(dice.below(inArray.length + 1), word(dice));
    else erase(inArray, dice);
  } else if (inMap instanceof Y.Map) {
    inMap.set(`deep ${dice.below(2)}`, word(dice));
  } else {
    map.set('nested', new Y.Map([['inner', new Y.Array<number>()]]));
  }
}

function erase(text: Y.Text, dice: Dice): void {
  if (text.length === 0) return;
  const at = dice.below(text.length);
  text.delete(at, Math.min(text.length - at, dice.between(1, 5)));
}

function newText(words: string): Y.Text {
  return new Y.Text(words);
}

function word(dice: Dice): string {
  return Array.from({ length: dice.between(1, 5) }, () => alphabet[dice.below(alphabet.length)]).join('');
}
