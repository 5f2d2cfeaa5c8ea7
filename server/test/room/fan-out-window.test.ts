// When a room sends: at once, or after a pause.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FanOutWindow } from '../../src/room/fan-out.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** A window whose room has just sent two changes to a large audience, which took `tookMs`. */
async function afterSending(tookMs: number): Promise<{
  readonly clock: VirtualClock;
  readonly window: FanOutWindow;
  readonly openings: readonly number[];
}> {
  const clock = new VirtualClock();
  const openings: number[] = [];
  const window = new FanOutWindow(clock, () => openings.push(clock.now()));
  const startedAtMs = clock.now();
  window.sends(2);
  await clock.advance(tookMs);
  window.turnTook(startedAtMs, clock.now());
  return { clock, window, openings };
}

test('R3 a room that has sent nothing sends at once', () => {
  const window = new FanOutWindow(new VirtualClock(), () => assert.unreachable());
  assert.ok(window.isOpen('update'));
  assert.ok(window.isOpen('presence'));
});

test('R3 a busy room pauses in proportion to what sending cost, cursors longer than what people type', async () => {
  const { clock, window, openings } = await afterSending(4);
  const sentAtMs = clock.now();
  assert.not.ok(window.isOpen('update'));
  await clock.advance(60);
  assert.equal(openings, [sentAtMs + 8]);
  assert.ok(window.isOpen('presence'));

  const cursors = await afterSending(4);
  assert.not.ok(cursors.window.isOpen('presence'));
  await cursors.clock.advance(60);
  assert.equal(cursors.openings, [cursors.clock.now() - 60 + 30]);
});

test('R3 an update does not wait for the cursors before it', async () => {
  const { clock, window, openings } = await afterSending(4);
  const sentAtMs = clock.now();
  assert.not.ok(window.isOpen('presence'));
  await clock.advance(1);
  assert.not.ok(window.isOpen('update'));
  await clock.advance(60);
  assert.equal(openings, [sentAtMs + 8], 'once, and when the update is due');
});

test.run();
