import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '../../src/base/errors.ts';
import { numRuns, seed } from '../protocol/samples.ts';
import { Conversation } from './conversation.ts';

const names = ['anna', 'ben', 'carl'] as const;
type Name = (typeof names)[number];

const name = fc.constantFrom(...names);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('type' as const), name, at: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), name, at: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('watermark' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), name }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('refuse' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), name }) },
);

function reconnect(talk: Conversation, who: Name): void {
  const session = talk.session(who);
  if (session.connection === 'connected') return;
  talk.act(who, 'is woken', (_, now) => session.wake(now));
  talk.accept(who);
}

test('C1 C2 C4 D1 U1 faults stop: everybody has the same, all of it is stored, and nothing acknowledged was lost', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const talk = new Conversation('random');
      talk.muted = true;
      const room = talk.room('notes');
      for (const [at, who] of names.entries()) {
        talk.join(who, at + 1);
        talk.act(who, 'starts', (session, now) => {
          session.open('notes');
          session.start(now);
        });
        talk.accept(who);
      }
      for (const each of steps) {
        switch (each.kind) {
          case 'type':
            talk.edit(each.name, 'notes', '', (text) => text.insert(Math.min(each.at, text.length), 'x'));
            break;
          case 'delete':
            talk.edit(each.name, 'notes', '', (text) => {
              if (text.length > 0) text.delete(Math.min(each.at, text.length - 1), 1);
            });
            break;
          case 'commit':
            talk.relay('', () => room.commit());
            break;
          case 'watermark':
            talk.relay('', () => room.tellWatermark());
            break;
          case 'cut':
            talk.cut(each.name);
            break;
          case 'reconnect':
            reconnect(talk, each.name);
            break;
          case 'crash':
            talk.crash();
            break;
          case 'refuse':
            room.refusingPushes = new RefusedError('TW_STORAGE_FAILED', 'full');
            break;
          case 'reopen':
            room.refusingPushes = null;
            talk.wait(100);
            break;
        }
        for (const who of names) {
          if (talk.status(who, 'notes').phase === 'refused') assert.unreachable('nothing here is final');
        }
      }
      room.refusingPushes = null;
      for (const who of names) reconnect(talk, who);
      talk.wait(0);
      // Documents that were refused wait for half a minute at most.
      for (let second = 0; second < 35; second++) {
        for (const who of names) reconnect(talk, who);
        talk.wait(1000);
      }
      talk.relay('', () => room.commit());
      for (const who of names) {
        const { pending, safe, synced } = talk.status(who, 'notes');
        assert.equal({ updates: pending.updates, safe, synced }, { updates: 0, safe: 'server', synced: true }, who);
        assert.is(talk.text(who, 'notes'), talk.text('anna', 'notes'), who);
      }
      talk.crash();
      talk.join('dora', 4);
      talk.act('dora', 'starts', (session, now) => {
        session.open('notes');
        session.start(now);
      });
      talk.accept('dora');
      assert.is(talk.text('dora', 'notes'), talk.text('anna', 'notes'), 'all of it is in the log');
    }),
    { seed, numRuns: numRuns / 10 },
  );
});

test.run();
