import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Activity } from '../../src/room/activity.ts';

test('R3 a room is busy from the first of what follows without a pause of half a second', () => {
  const activity = new Activity(1000);
  assert.equal([activity.quietMs(1200), activity.busyMs(1200)], [200, 200]);
  activity.note(1499);
  activity.note(1998);
  assert.equal([activity.quietMs(2497), activity.busyMs(2497)], [499, 1497]);
  assert.equal([activity.quietMs(2498), activity.busyMs(2498)], [500, 0]);
  activity.note(2498);
  assert.equal([activity.quietMs(2500), activity.busyMs(2500)], [2, 2]);
});

test.run();
