import type { DocumentHandle } from '@tideweave/client';
import { useShared, useUndo } from '@tideweave/client/react';
import { type SubmitEvent, useState } from 'react';
import * as Y from 'yjs';

const states = ['idea', 'in progress', 'done'] as const;

type Item = Y.Map<string | boolean>;

/** A card of keys in a map, and a list of maps: each key is decided as a whole when two write it apart. */
export function FormEditor({ handle }: { handle: DocumentHandle }) {
  const card = handle.doc.getMap<string>('card');
  const items = handle.doc.getArray<Item>('items');
  const { title = '', status = 'idea', place = '' } = useShared(card, (map) => map.toJSON() as Record<string, string>);
  const { undo, redo, canUndo, canRedo } = useUndo([card, items] as Y.AbstractType<unknown>[]);
  return (
    <div className="form">
      <label>
        Title
        <input
          name="title"
          value={title}
          placeholder="A day at the sea"
          onChange={({ target }) => card.set('title', target.value)}
        />
      </label>
      <div className="row">
        <label>
          Status
          <select name="status" value={status} onChange={({ target }) => card.set('status', target.value)}>
            {states.map((state) => (
              <option key={state}>{state}</option>
            ))}
          </select>
        </label>
        <label>
          Place
          <input
            name="place"
            value={place}
            placeholder="Where?"
            onChange={({ target }) => card.set('place', target.value)}
          />
        </label>
      </div>
      <Items items={items} />
      <div className="row buttons">
        <button type="button" onClick={undo} disabled={!canUndo}>
          Undo
        </button>
        <button type="button" onClick={redo} disabled={!canRedo}>
          Redo
        </button>
      </div>
    </div>
  );
}

function Items({ items }: { items: Y.Array<Item> }) {
  const list = useShared(items, (array) => array.toArray().map((item) => ({ item, ...read(item) })));
  const [text, setText] = useState('');
  const add = (event: SubmitEvent): void => {
    event.preventDefault();
    if (text.trim() === '') return;
    items.push([new Y.Map<string | boolean>(Object.entries({ text, isDone: false }))]);
    setText('');
  };
  return (
    <fieldset className="items">
      <legend>To bring along</legend>
      <ul>
        {list.map((each, at) => (
          <li key={each.id}>
            <input
              type="checkbox"
              aria-label={`${each.text}: done`}
              checked={each.isDone}
              onChange={({ target }) => each.item.set('isDone', target.checked)}
            />
            <input
              aria-label={`Item ${at + 1}`}
              value={each.text}
              onChange={({ target }) => each.item.set('text', target.value)}
            />
            <button type="button" aria-label={`Delete ${each.text}`} onClick={() => items.delete(at)}>
              ×
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={add} className="row">
        <input
          aria-label="New item"
          value={text}
          placeholder="A towel"
          onChange={({ target }) => setText(target.value)}
        />
        <button type="submit">Add</button>
      </form>
    </fieldset>
  );
}

function read(item: Item): { id: string; text: string; isDone: boolean } {
  const { client = 0, clock = 0 } = item._item?.id ?? {};
  const text = item.get('text');
  return { id: `${client}-${clock}`, text: typeof text === 'string' ? text : '', isDone: item.get('isDone') === true };
}
