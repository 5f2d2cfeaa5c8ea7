import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mergeUpdates } from '../../src/update/merge.ts';
import { ClientDocument } from '../../src/session/client-document.ts';
import {
  type ClientDocumentEvent,
  type ClientDocumentState,
  type TransitionTable,
  clientDocumentTransitions,
  serverDocumentTransitions,
} from '../../src/session/transitions.ts';

function checkTotal(table: TransitionTable<string, string>): void {
  const states = Object.keys(table);
  const events = Object.keys(Object.values(table)[0] ?? {}).toSorted();
  const reached = new Set<string>([states[0] ?? '']);
  for (const [state, cells] of Object.entries(table)) {
    assert.equal(Object.keys(cells).toSorted(), events, state);
    for (const next of Object.values(cells)) {
      assert.ok(next === '-' || next === '!' || states.includes(next), next);
      reached.add(next);
    }
  }
  for (const state of states) assert.ok(reached.has(state), `${state} can be reached`);
}

test('P57 P58 every state has a cell for every event, and can be reached', () => {
  checkTotal(serverDocumentTransitions);
  checkTotal(clientDocumentTransitions);
});

for (const [state, cells] of Object.entries(clientDocumentTransitions)) {
  for (const [event, next] of Object.entries(cells)) {
    test(`P58 client: ${event} in ${state} → ${next}`, () => {
      const document = new ClientDocument('n', () => 0.5, mergeUpdates);
      document.state = state as ClientDocumentState;
      assert.is(document.move(event as ClientDocumentEvent), next !== '!');
      assert.is(document.state, next === '-' || next === '!' ? state : next);
    });
  }
}

test('P58 P41 nothing but closing leads out of a final refusal, and nothing out of closed', () => {
  const out = (state: ClientDocumentState): string[] =>
    Object.values(clientDocumentTransitions[state]).filter((next) => next !== '-' && next !== '!');
  assert.equal(out('refused'), ['closed']);
  assert.equal(out('closed'), []);
});

test.run();
