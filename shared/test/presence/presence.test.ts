import * as fc from 'fast-check';
import * as encoding from 'lib0/encoding';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { RefusedError } from '../../src/base/errors.ts';
import { Presence, type PresenceSession, emptyAwareness } from '../../src/presence/presence.ts';
import { numRuns, pooled, refusedWith, seed } from '../protocol/samples.ts';

const limits = { awarenessStateBytesMax: 100, awarenessClientsPerSessionMax: 3, awarenessClientsPerDocumentMax: 5 };

/** An awareness update by hand: client, clock, JSON. */
function update(...entries: readonly (readonly [number, number, string])[]): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, entries.length);
    for (const [client, clock, state] of entries) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarString(encoder, state);
    }
  });
}

/** Stock clients around one `Presence`, as a room carries between them. */
class Stage {
  readonly presence: Presence = new Presence(limits);
  readonly #seats = new Map<Awareness, PresenceSession>();
  now = 0;
  /** What the clients report of their own accord, echoes included, as the stock provider sends it. */
  readonly #queue: { readonly from: Awareness; readonly update: Uint8Array }[] = [];

  join(clientId: number, user: string, existing?: Awareness): Awareness {
    const awareness = existing ?? this.#awareness(clientId);
    this.#seats.set(awareness, { user });
    const present = this.presence.encodePresent();
    if (present !== null) applyAwarenessUpdate(awareness, present, 'relay');
    this.#queue.push({ from: awareness, update: encodeAwarenessUpdate(awareness, [awareness.clientID]) });
    this.settle();
    return awareness;
  }

  leave(awareness: Awareness): void {
    const session = this.#seats.get(awareness);
    assert.ok(session);
    this.#seats.delete(awareness);
    this.#tell(this.presence.leave(session, this.now), null);
    this.settle();
  }

  settle(): void {
    for (let rounds = 0; this.#queue.length > 0; rounds++) {
      assert.ok(rounds < 1000, 'echoes come to an end');
      const next = this.#queue.shift();
      const session = next && this.#seats.get(next.from);
      if (next === undefined || session === undefined) continue;
      const { changed, corrections } = this.presence.apply(pooled(next.update), session, this.now);
      this.#tell(changed, next.from);
      if (corrections.length > 0) applyAwarenessUpdate(next.from, this.presence.encode(corrections), 'relay');
    }
  }

  close(...gone: Awareness[]): void {
    for (const awareness of [...this.#seats.keys(), ...gone]) awareness.destroy();
  }

  #tell(clients: readonly number[], except: Awareness | null): void {
    if (clients.length === 0) return;
    const bytes = this.presence.encode(clients);
    for (const awareness of this.#seats.keys())
      if (awareness !== except) applyAwarenessUpdate(awareness, bytes, 'relay');
  }

  #awareness(clientId: number): Awareness {
    const doc = new Y.Doc();
    doc.clientID = clientId;
    const awareness = new Awareness(doc);
    awareness.setLocalState({ name: `client ${clientId}` });
    type Change = { added: number[]; updated: number[]; removed: number[] };
    awareness.on('update', ({ added, updated, removed }: Change) => {
      const clients = [...added, ...updated, ...removed];
      this.#queue.push({ from: awareness, update: encodeAwarenessUpdate(awareness, clients) });
    });
    return awareness;
  }
}

function names(awareness: Awareness): number[] {
  return [...awareness.getStates().keys()].toSorted((a, b) => a - b);
}

test('P46 P47 stock clients see each other come, change and go', () => {
  const stage = new Stage();
  const [anna, ben] = [stage.join(1, 'anna'), stage.join(2, 'ben')];
  assert.equal(names(anna), [1, 2]);
  assert.equal(names(ben), [1, 2]);
  anna.setLocalStateField('cursor', 5);
  stage.settle();
  assert.equal(ben.getStates().get(1), { name: 'client 1', cursor: 5 });
  stage.leave(anna);
  assert.equal(names(ben), [2]);
  assert.is(stage.presence.size, 1);
  stage.close(anna);
});

test('P46 a client that removes itself is gone, and may come back', () => {
  const stage = new Stage();
  const [anna, ben] = [stage.join(1, 'anna'), stage.join(2, 'ben')];
  anna.setLocalState(null);
  stage.settle();
  assert.equal(names(ben), [2]);
  anna.setLocalState({ back: true });
  stage.settle();
  assert.equal(ben.getStates().get(1), { back: true });
  removeAwarenessStates(anna, [1], 'window unload');
  stage.settle();
  assert.equal(names(ben), [2]);
  stage.close();
});

test('P48 a client that comes back with the clock it left with is shown the removal and announces itself anew', () => {
  const stage = new Stage();
  const [anna, ben] = [stage.join(1, 'anna'), stage.join(2, 'ben')];
  stage.leave(anna);
  stage.join(1, 'anna', anna);
  assert.equal(names(ben), [1, 2]);
  assert.equal(names(anna), [1, 2]);
  stage.close();
});

test('P48 A2 an echo of somebody who left brings no ghost', () => {
  const stage = new Stage();
  const [anna, ben, carl] = [stage.join(1, 'anna'), stage.join(2, 'ben'), stage.join(3, 'carl')];
  const echo = encodeAwarenessUpdate(ben, [1]);
  stage.leave(anna);
  const session = { user: 'ben' };
  assert.equal(stage.presence.apply(echo, session, 0), { changed: [], corrections: [1] });
  assert.equal(names(carl), [2, 3]);
  stage.close(anna);
});

test('P46 A2 nobody changes or removes what another user announced', () => {
  const presence = new Presence(limits);
  const [anna, mallory] = [{ user: 'anna' }, { user: 'mallory' }];
  presence.apply(update([1, 5, '{"name":"Anna"}']), anna, 0);
  for (const state of ['{"name":"Mallory"}', 'null']) {
    for (const clock of [4, 5, 6, 2 ** 39]) {
      assert.equal(presence.apply(update([1, clock, state]), mallory, 0), { changed: [], corrections: [] });
    }
  }
  assert.equal(presence.leave(mallory, 0), []);
  assert.equal(presence.encodePresent(), update([1, 5, '{"name":"Anna"}']));
});

test('P46 after a reconnect the same user takes over, and the old session takes nothing with it', () => {
  const presence = new Presence(limits);
  const [before, after] = [{ user: 'anna' }, { user: 'anna' }];
  presence.apply(update([1, 5, '1']), before, 0);
  assert.equal(presence.apply(update([1, 5, '2']), after, 0).changed, [], 'not with the same clock');
  assert.equal(presence.apply(update([1, 6, '2']), after, 0).changed, [1]);
  assert.equal(presence.leave(before, 0), []);
  assert.equal(presence.leave(after, 0), [1]);
  assert.equal(presence.encode([1]), update([1, 7, 'null']));
  assert.is(presence.encodePresent(), null);
});

test('P47 clocks only go forward; of one clock only the removal is taken', () => {
  const presence = new Presence(limits);
  const anna = { user: '' };
  const change = (clock: number, state: string): number =>
    presence.apply(update([1, clock, state]), anna, 0).changed.length;
  assert.is(change(1, 'null'), 0, 'who was never there does not leave');
  assert.is(change(1, '1'), 1);
  assert.is(change(1, '2'), 0);
  assert.is(change(0, '2'), 0);
  assert.is(change(1, 'null'), 1);
  assert.is(change(1, 'null'), 0);
  assert.is(change(1, '3'), 0);
  assert.is(change(2, '3'), 1);
  assert.equal(presence.apply(update([1, 3, '4'], [1, 4, 'null'], [1, 5, '5']), anna, 0).changed, [1]);
  assert.equal(presence.encodePresent(), update([1, 5, '5']));
});

test('P49 A2 R2 a session and a document hold so many entries and no more, however they come and go', () => {
  const presence = new Presence(limits);
  const [anna, ben, carl] = [{ user: 'a' }, { user: 'b' }, { user: 'c' }];
  presence.apply(update([1, 1, '1'], [2, 1, '1'], [3, 1, '1']), anna, 0);
  assert.throws(() => presence.apply(update([4, 1, '1']), anna, 0), refusedWith('TW_TOO_LARGE'));
  assert.equal(presence.apply(update([3, 2, 'null'], [4, 1, '1']), anna, 0).changed, [3, 4], 'one for one');
  presence.apply(update([5, 1, '1'], [6, 1, '1']), ben, 0);
  assert.throws(() => presence.apply(update([7, 1, '1']), carl, 0), refusedWith('TW_OVERLOADED'));
  presence.apply(update([5, 2, 'null'], [6, 2, 'null']), ben, 0);
  assert.equal(presence.apply(update([7, 1, '1'], [8, 1, '1']), carl, 0).changed, [7, 8]);
});

test('P49 R2 nobody fills the table with those who left', () => {
  const presence = new Presence(limits);
  const [mallory, anna] = [{ user: 'm' }, { user: 'a' }];
  for (let client = 10; client < 1000; client++) {
    presence.apply(update([client, 1, '1']), mallory, 0);
    presence.apply(update([client, 2, 'null']), mallory, 0);
  }
  assert.equal(presence.apply(update([1, 1, '1']), anna, 0).changed, [1]);
  assert.is(presence.size, 1);
});

test('P49 P46 what is taken over counts for the one who takes it', () => {
  const presence = new Presence(limits);
  const [before, after] = [{ user: 'anna' }, { user: 'anna' }];
  presence.apply(update([1, 1, '1'], [2, 1, '1'], [3, 1, '1']), before, 0);
  presence.apply(update([4, 1, '1']), after, 0);
  assert.throws(
    () => presence.apply(update([1, 2, '1'], [2, 2, '1'], [3, 2, '1']), after, 0),
    refusedWith('TW_TOO_LARGE'),
  );
});

test('P49 R1 of an update that is malformed or over a limit nothing is taken', () => {
  const presence = new Presence(limits);
  const anna = { user: 'anna' };
  const good = [1, 1, '"good"'] as const;
  const bad: [Uint8Array, string][] = [
    [update(good, [2, 1, '{"a":']), 'TW_MALFORMED_MESSAGE'],
    [update(good, [2, 1, '']), 'TW_MALFORMED_MESSAGE'],
    [update(good, [2, 1, 'undefined']), 'TW_MALFORMED_MESSAGE'],
    [update(good, [2, 1, JSON.stringify('x'.repeat(99))]), 'TW_TOO_LARGE'],
    [update(good, [2, 2 ** 53 - 1, '1']), 'TW_MALFORMED_MESSAGE'],
    [update(good, [2, 1, '1'], [3, 1, '1'], [4, 1, '1']), 'TW_TOO_LARGE'],
    [update(good).subarray(0, 5), 'TW_MALFORMED_MESSAGE'],
    [Uint8Array.of(6), 'TW_MALFORMED_MESSAGE'],
    [Uint8Array.of(...update(good), 0), 'TW_MALFORMED_MESSAGE'],
    [new Uint8Array(0), 'TW_MALFORMED_MESSAGE'],
  ];
  for (const [bytes, code] of bad) {
    assert.throws(
      () => presence.apply(pooled(bytes), anna, 0),
      (error: unknown) => error instanceof RefusedError && error.code === code,
    );
    assert.is(presence.size, 0);
  }
  assert.equal(presence.apply(update([2 ** 53 - 1, 2 ** 40, '{"__proto__":{}}']), anna, 0).changed, [2 ** 53 - 1]);
  assert.equal(presence.apply(emptyAwareness, anna, 0), { changed: [], corrections: [] });
});

test('P56 the clock of who left is remembered for a minute', () => {
  const presence = new Presence(limits);
  const [anna, ben] = [{ user: 'anna' }, { user: 'ben' }];
  presence.apply(update([1, 5, '1'], [2, 5, '1']), anna, 0);
  presence.apply(update([1, 6, 'null']), anna, 1000);
  presence.expire(61_000);
  assert.equal(presence.apply(update([1, 5, '"echo"']), ben, 61_000), { changed: [], corrections: [1] });
  presence.expire(61_001);
  assert.equal(presence.apply(update([1, 5, '"new"']), ben, 61_001).changed, [1]);
  presence.expire(1e9);
  assert.is(presence.size, 2, 'who is present stays');
  assert.equal(presence.encode([99]), emptyAwareness);
});

/** The clocks that are remembered of clients 1 to 8. */
function clocksOf(presence: Presence): Map<number, number> {
  const clocks = new Map<number, number>();
  for (let client = 1; client <= 8; client++) {
    const bytes = presence.encode([client]);
    if (bytes.length > 1) clocks.set(client, bytes[2] ?? 0);
  }
  return clocks;
}

test('P46 P47 P49 whatever sessions send: caps hold, owners stay, nothing but refusals is thrown', () => {
  const entry = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(6), fc.constantFrom('1', '"two"', 'null', '{'));
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.nat(3), fc.array(entry, { maxLength: 4 })) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(3), fc.constant(null)) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const presence = new Presence(limits);
      const sessions = [{ user: 'a' }, { user: 'a' }, { user: 'b' }, { user: 'c' }];
      let clocks = new Map<number, number>();
      let now = 0;
      for (const [who, entries] of steps) {
        const session = sessions[who] ?? sessions[0]!;
        now += 100;
        const before = presence.encodePresent();
        try {
          if (entries !== null) presence.apply(update(...entries), session, now);
          else {
            presence.leave(session, now);
            assert.equal(presence.leave(session, now), []);
          }
        } catch (error) {
          if (!(error instanceof RefusedError)) throw error;
          assert.equal(presence.encodePresent(), before, 'nothing was taken');
        }
        const after = clocksOf(presence);
        for (const [client, clock] of after) assert.ok(clock >= (clocks.get(client) ?? 0), 'clocks go forward');
        clocks = after;
        assert.ok(presence.size <= limits.awarenessClientsPerDocumentMax);
      }
    }),
    { seed, numRuns: numRuns / 2 },
  );
});

test.run();
