/** Lets a step of the plan happen in the world. What cannot happen at that moment does not. */
import { NativeDevice } from './device.ts';
import { Dice } from './dice.ts';
import type { Link, WayState } from './network.ts';
import type { Step } from './plan.ts';
import type { Device, World } from './world.ts';

export function perform(world: World, step: Step): void {
  const device = world.devices[step.device];
  if (device === undefined) return;
  const document = world.settings.documents[step.document] ?? '';
  const { name } = device.settings;
  const dice = new Dice(step.salt);
  const now = world.timeline.now;
  world.note(() => `${step.kind}: ${name}, ${document}, ${step.ms} ms`);
  switch (step.kind) {
    case 'edit':
      device.edit(document, dice, world.settings.largeEdits && dice.chance(0.05) ? 'large' : 'any');
      return;
    case 'announce':
      device.announce(document);
      return;
    case 'cut':
      cut(world, name, { client: true, relay: true });
      return;
    case 'half-open-client':
      cut(world, name, { client: false, relay: true });
      return;
    case 'half-open-relay':
      cut(world, name, { client: true, relay: false });
      return;
    case 'clog-down':
      world.fault('clog-down');
      world.connections.ways(name).toClient.blockedUntilMs = now + step.ms;
      return;
    case 'clog-up':
      world.fault('clog-up');
      world.connections.ways(name).toRelay.blockedUntilMs = now + step.ms;
      return;
    case 'partition':
      world.fault('partition');
      for (const { settings } of world.devices.filter(() => dice.chance(0.6))) {
        const ways = world.connections.ways(settings.name);
        ways.toClient.blockedUntilMs = now + step.ms * 3;
        ways.toRelay.blockedUntilMs = now + step.ms * 3;
      }
      return;
    case 'lossy':
      waysChange(world, device, step.ms * 2, (way) => (way.lossRate = 0.05 + dice.random() * 0.25));
      return;
    case 'duplicating':
      waysChange(world, device, step.ms * 2, (way) => (way.duplicateRate = 0.3));
      return;
    case 'swallow':
      world.connections.swallowNext.add(name);
      return;
    case 'delay':
      world.fault('delay');
      waysChange(world, device, step.ms, (way) => (way.latencyMs += 100 + dice.random() * 2000));
      return;
    case 'slow-reader':
      slowReader(world, device, step.ms);
      return;
    case 'clock-jump':
      world.fault('clock-jump');
      (dice.chance(0.5) ? world.relay?.clock : device.clock)?.jump((dice.random() - 0.5) * 2 * dayMs);
      return;
    case 'device-crash':
      world.fault('device-crash');
      world.crashDevice(device, step.ms, dice.chance(0.5));
      return;
    case 'close-document':
      world.fault('close-document');
      device.close(document);
      if (dice.chance(0.5)) device.open(document);
      return;
    case 'open-document':
      device.start();
      device.open(document);
      return;
    case 'disconnect':
      world.fault('disconnect');
      device.disconnect();
      world.timeline.after(step.ms, () => device.connect());
      return;
    case 'connect':
      device.connect();
      return;
    case 'refused-midway':
      world.connections.refuseNext.set(name, dice.chance(0.5) ? 'TW_OVERLOADED' : 'TW_FORBIDDEN');
      cut(world, name, { client: true, relay: true });
      return;
    case 'bad-token':
      badToken(world, device, step.ms);
      return;
    case 'short-grants':
      // From now on, and for the connection that is there when it comes back.
      world.tokenLives.set(name, 500 + step.ms * 2);
      if (dice.chance(0.7)) cut(world, name, { client: true, relay: true });
      // Some are renewed for a while first, some never.
      if (dice.chance(0.5))
        world.timeline.after(dice.random() * step.ms * 4, () => {
          if (world.isFaulty) world.tokenlessUntilMs.set(name, world.timeline.now + 2000 + step.ms * 2);
        });
      return;
    case 'bad-frame':
      world.connections.spoil(name);
      return;
    case 'authorizer-fails':
      world.authorizerFails = true;
      world.timeline.after(step.ms, () => (world.authorizerFails = false));
      return;
    default:
      performAtRelay(world, step, dice, document);
  }
}

/** What happens to the relay and its disk. */
function performAtRelay(world: World, step: Step, dice: Dice, document: string): void {
  const { disk } = world;
  switch (step.kind) {
    case 'disk-full':
      disk.full = true;
      world.setMemoryFaults({ beforeAppend: failing(world, 'disk-full') });
      world.timeline.after(step.ms, () => {
        disk.full = false;
        world.setMemoryFaults({});
      });
      return;
    case 'disk-error':
      for (let count = dice.between(1, 4); count > 0; count--)
        disk.fates.push({ afterWrites: dice.below(4), fate: 'fail' });
      return;
    case 'disk-error-kept':
      disk.fates.push({ afterWrites: dice.below(4), fate: 'fail-but-keep' });
      world.setMemoryFaults({
        afterAppend: async () => {
          world.setMemoryFaults({});
          world.fault('disk-error-kept');
          throw new Error('EIO: i/o error');
        },
      });
      return;
    case 'read-error':
      disk.readErrors = dice.between(1, 3);
      return;
    case 'slow-fsync': {
      const slowMs = dice.pick([30, 200, 1000]);
      disk.slowMs = slowMs;
      world.setMemoryFaults({
        beforeAppend: async () => {
          world.fault('slow-fsync');
          await world.relay?.clock.sleep(slowMs);
        },
      });
      world.timeline.after(step.ms * 2, () => {
        disk.slowMs = 0;
        world.setMemoryFaults({});
      });
      return;
    }
    case 'kill-relay':
      if (world.relay !== null) world.fault('relay-killed');
      world.crashRelay({ power: false, restartInMs: step.ms });
      return;
    case 'power-loss':
      if (world.relay !== null) world.fault('relay-power-loss');
      world.crashRelay({ power: true, restartInMs: step.ms });
      return;
    case 'die-in-sync':
      disk.fates.push({ afterWrites: dice.below(8), fate: 'die-in-sync' });
      return;
    case 'bit-flip':
      bitFlip(world, step, dice);
      return;
    case 'die-in-write':
      disk.fates.push({ afterWrites: dice.below(8), fate: dice.chance(0.5) ? 'die-before' : 'die-after' });
      return;
    case 'restart-relay':
      void world.restartRelay(step.ms);
      return;
    case 'crash-together':
      crashTogether(world, step, dice);
      return;
    case 'delete':
      void world.change(async () => {
        if ((await world.relay?.rooms.delete(document)) === true) world.fault('delete');
      });
      return;
    case 'create':
      void world.change(async () => {
        await world.relay?.rooms.create(document);
        world.fault('create');
      });
      return;
    case 'new-history':
      void world.change(async () => {
        const { relay } = world;
        if ((await relay?.rooms.delete(document)) !== true) return;
        await relay?.rooms.create(document);
        world.fault('new-history');
      });
      return;
    case 'backup':
      if (world.settings.log === 'level' && !disk.isDamaged) world.backups.push(disk.image);
      return;
    case 'restore': {
      const image = dice.pick(world.backups);
      if (image === undefined || world.relay === null || world.settings.log !== 'level') return;
      world.fault('restore');
      disk.readErrors = 0;
      world.crashRelay({ power: true, restartInMs: step.ms, image });
      // What the relay lacks is then noticed while other questions are on their way.
      for (const { settings } of world.devices) {
        if (dice.chance(0.2)) world.connections.clogNext.set(settings.name, 9000);
      }
      return;
    }
    default:
      throw new Error(`nobody knows how to do ${step.kind}`);
  }
}

function failing(world: World, kind: 'disk-full'): () => Promise<void> {
  return async () => {
    world.fault(kind);
    throw new Error('ENOSPC: no space left on device');
  };
}

function cut(world: World, name: string, learns: { client: boolean; relay: boolean }): void {
  const link: Link | undefined = world.connections.links(name).at(-1);
  if (link === undefined) return;
  world.fault(learns.client && learns.relay ? 'cut' : learns.client ? 'half-open-relay' : 'half-open-client');
  link.cut(learns);
}

/** Something about both ways of a device is different for a while. */
function waysChange(world: World, device: Device, ms: number, change: (way: WayState) => void): void {
  const { toRelay, toClient } = world.connections.ways(device.settings.name);
  for (const way of [toRelay, toClient]) change(way);
  world.timeline.after(ms, () => world.connections.calm(device.settings));
}

/** A bit on the disk is wrong, until somebody notices and puts it right. */
function bitFlip(world: World, step: Step, dice: Dice): void {
  if (world.settings.log !== 'level' || !world.disk.flip(dice)) return;
  world.fault('bit-flip');
  world.timeline.after(step.ms, () => world.mendDisk());
}

function slowReader(world: World, device: Device, ms: number): void {
  const { name, bytesPerMs } = device.settings;
  world.fault('slow-reader');
  const { toClient } = world.connections.ways(name);
  toClient.bytesPerMs = 0.05;
  world.timeline.after(ms * 2, () => {
    toClient.bytesPerMs = bytesPerMs;
    for (const link of world.connections.links(name)) link.toClient.stateChanged();
  });
}

/** The application has a token that no relay takes, and needs a while to get another. */
function badToken(world: World, device: Device, ms: number): void {
  if (!(device instanceof NativeDevice) || !device.running) return;
  world.fault('bad-token');
  device.loseToken();
  cut(world, device.settings.name, { client: true, relay: true });
  world.timeline.after(ms, () => device.connect());
}

/** A power cut hits the relay and whoever has just typed, often when somebody else has just seen it. */
function crashTogether(world: World, step: Step, dice: Dice): void {
  const author = world.devices[step.device];
  if (author === undefined || world.relay === null) return;
  const { disk, connections, timeline } = world;
  world.fault('crash-together');
  // A deletion that only others remember does not show in state vectors.
  author.edit(dice.pick(author.documents) ?? '', dice, dice.chance(0.6) ? 'deletion' : 'any');
  if (dice.chance(0.7)) disk.slowMs = slowSyncMs;
  let isOver = false;
  const crash = (): void => {
    if (isOver) return;
    isOver = true;
    disk.slowMs = 0;
    connections.onLiveUpdate = (): void => undefined;
    world.crashDevice(author, step.ms * 3, dice.chance(0.5));
    world.crashRelay({ power: true, restartInMs: step.ms });
  };
  if (dice.chance(0.7)) {
    connections.onLiveUpdate = (reader): void => {
      if (reader !== author.settings.name) timeline.after(dice.random() * 5, crash);
    };
  }
  // Perhaps before it has reached anybody, perhaps after its commit.
  timeline.after(author.settings.latencyMs * (1 + 2 * dice.random()) + dice.below(60), crash);
}

const slowSyncMs = 300;
const dayMs = 24 * 60 * 60 * 1000;
