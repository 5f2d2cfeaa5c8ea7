/** What can go wrong with a network, in thirty ways. */
import type { HostileProxy } from './hostile-proxy.ts';
import type { Network, Scenario } from './hostile-world.ts';

const each = ({ proxies }: Network, act: (proxy: HostileProxy) => void): void => proxies.forEach(act);

/** Holds for all clients while they type for so long. */
function weather(title: string, up: HostileProxy['weather']['up'], down = up, more: Partial<Scenario> = {}): Scenario {
  return {
    title,
    run: async (network) => {
      each(network, (proxy) => (proxy.weather = { up, down }));
      await network.pass(3000);
    },
    ...more,
  };
}

/** Bytes vanish or wait in a direction for a while, and then the connection breaks: what was on its way is lost. */
function lossy(title: string, run: (proxy: HostileProxy) => void): Scenario {
  return {
    title,
    run: async (network) => {
      for (let round = 0; round < 3; round += 1) {
        await network.pass(300);
        each(network, run);
        await network.pass(500);
        each(network, (proxy) => {
          proxy.cut('reset');
          proxy.heal();
        });
        await network.pass(400);
      }
    },
  };
}

/** Connections break within a frame, again and again. */
function torn(title: string, direction: 'up' | 'down', how: 'end' | 'reset'): Scenario {
  return {
    title,
    run: async (network) => {
      for (let round = 0; round < 5; round += 1) {
        await network.pass(500);
        each(network, (proxy) => proxy.cutAfter(direction, () => 1 + Math.floor(network.random() * 60), how));
      }
      await network.pass(500);
    },
  };
}

/** Nobody gets in, one way or another, and later everybody. */
function shut(title: string, door: HostileProxy['door']): Scenario {
  return {
    title,
    run: async (network) => {
      await network.pass(300);
      each(network, (proxy) => {
        proxy.door = door;
        proxy.cut();
      });
      await network.pass(2000);
    },
  };
}

function died(title: string, run: (proxy: HostileProxy) => void): Scenario {
  return {
    title,
    run: async (network) => {
      await network.pass(500);
      each(network, run);
      await network.pass(1500);
    },
  };
}

async function flap(network: Network, how: 'end' | 'reset'): Promise<void> {
  for (let round = 0; round < 12; round += 1) {
    await network.pass(80 + network.random() * 320);
    each(network, (proxy) => network.random() < 0.6 && proxy.cut(how));
  }
}

/** One thing after the other, for anybody. */
async function storm(network: Network): Promise<void> {
  const { random } = network;
  const acts: readonly ((proxy: HostileProxy) => void)[] = [
    (proxy) => proxy.heal(),
    (proxy) => proxy.heal(),
    (proxy) => (proxy.weather = { up: { delayMs: 50, jitterMs: 200 } }),
    (proxy) => (proxy.weather = { down: { bytesPerSecond: 3000 } }),
    (proxy) => (proxy.weather = { up: { stalled: true } }),
    (proxy) => (proxy.weather = { down: { stalled: true } }),
    (proxy) => (proxy.weather = { up: { pieceBytes: 1 }, down: { pieceBytes: 3 } }),
    (proxy) => proxy.cut(random() < 0.5 ? 'end' : 'reset'),
    (proxy) => proxy.cutAfter(random() < 0.5 ? 'up' : 'down', () => Math.floor(random() * 200), 'reset'),
    (proxy) => (proxy.door = random() < 0.3 ? 'refusing' : random() < 0.5 ? 'portal' : 'double'),
    (proxy) => proxy.replay(proxy.links),
  ];
  for (let step = 0; step < 40; step += 1) {
    each(network, (proxy) => random() < 0.4 && acts[Math.floor(random() * acts.length)]?.(proxy));
    await network.pass(100);
  }
  each(network, (proxy) => proxy.heal());
}

/** The longest first: those in which a client has to notice by itself that nobody is there. */
export const scenarios: readonly Scenario[] = [
  died('half-open: clients never learn that the connection ended', (proxy) => proxy.abandon('relay')),
  died('dead: neither side learns it', (proxy) => proxy.abandon('nobody')),
  {
    title: 'a handshake that is never answered',
    begin: (network) => each(network, (proxy) => (proxy.door = 'silent')),
    run: (network) => network.pass(2000),
  },
  died('half-open: the relay never learns that clients are gone', (proxy) => proxy.abandon('client')),
  weather('delay of 80 ms', { delayMs: 80 }),
  weather('delay between 0 and 600 ms', { jitterMs: 600 }),
  weather('slow up, quick down', { delayMs: 700 }, {}),
  weather('quick up, slow down', {}, { delayMs: 700 }),
  weather('8 KB/s', { bytesPerSecond: 8000 }),
  weather('long texts at 40 KB/s up', { bytesPerSecond: 40_000 }, {}, { editBytes: 1500 }),
  weather('long texts at 40 KB/s down', {}, { bytesPerSecond: 40_000 }, { editBytes: 1500 }),
  weather('byte by byte', { pieceBytes: 1 }),
  {
    title: 'byte by byte from the first handshake on',
    begin: (network) => each(network, (proxy) => (proxy.weather = { up: { pieceBytes: 1 }, down: { pieceBytes: 1 } })),
    run: (network) => network.pass(2500),
  },
  {
    title: 'bursts: everything waits for half a second and comes at once',
    run: async (network) => {
      for (let round = 0; round < 6; round += 1) {
        each(network, (proxy) => (proxy.weather = { up: { stalled: true }, down: { stalled: true } }));
        await network.pass(500);
        each(network, (proxy) => proxy.heal());
        await network.pass(50);
      }
    },
  },
  weather('a stall up, and on it goes', { stalled: true }, {}),
  weather('a stall down, and on it goes', {}, { stalled: true }),
  weather('a stall both ways, and on it goes', { stalled: true }),
  lossy(
    'a stall up, then a reset: edits on their way are lost',
    (proxy) => (proxy.weather = { up: { stalled: true } }),
  ),
  lossy('a stall down, then a reset: acknowledgements are lost', (proxy) => {
    proxy.weather = { down: { stalled: true } };
  }),
  lossy('drop up, then a reset', (proxy) => (proxy.weather = { up: { swallowed: true } })),
  lossy('drop down, then a reset', (proxy) => (proxy.weather = { down: { swallowed: true } })),
  torn('cut in mid-frame on the way up, in order', 'up', 'end'),
  torn('cut in mid-frame on the way up, by a reset', 'up', 'reset'),
  torn('cut in mid-frame on the way down, in order', 'down', 'end'),
  torn('cut in mid-frame on the way down, by a reset', 'down', 'reset'),
  { title: 'connections that end all the time, in order', run: (network) => flap(network, 'end') },
  { title: 'connections that are reset all the time', run: (network) => flap(network, 'reset') },
  shut('connections refused for two seconds', 'refusing'),
  shut('a captive portal answers for two seconds', 'portal'),
  {
    title: 'duplicate connections: everything reaches the relay twice',
    begin: (network) => each(network, (proxy) => (proxy.door = 'double')),
    run: (network) => network.pass(3000),
  },
  {
    title: 'late duplicates: all that a connection carried comes again after the next one is there',
    run: async (network) => {
      for (let round = 0; round < 3; round += 1) {
        await network.pass(600);
        each(network, (proxy) => {
          const { links } = proxy;
          proxy.cut();
          setTimeout(() => proxy.replay(links), 300);
        });
        await network.pass(600);
      }
    },
  },
  {
    title: 'a partition: half of them alone for two seconds, then the other half',
    run: async (network) => {
      for (const half of [0, 1]) {
        const alone = network.proxies.filter((_, at) => at % 2 === half);
        for (const proxy of alone) {
          proxy.door = 'refusing';
          proxy.cut();
        }
        await network.pass(2000);
        for (const proxy of alone) proxy.heal();
      }
    },
  },
  {
    title: 'the relay restarts behind a slow network',
    run: async (network) => {
      each(network, (proxy) => (proxy.weather = { up: { jitterMs: 300 }, down: { jitterMs: 300 } }));
      await network.pass(1000);
      await network.restartRelay();
      await network.pass(1000);
    },
  },
  { title: 'a storm of everything', run: storm },
];
