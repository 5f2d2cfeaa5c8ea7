/** What must hold when faults have stopped and everything has had its time: everybody is the same, and it is the truth. */
import * as Y from 'yjs';
import { Coverage, documentOf, isIncomplete } from './coverage.ts';
import { content } from './edits.ts';
import type { Replica } from './replica.ts';
import type { Reading } from './witness.ts';
import type { World } from './world.ts';

/** What keeps the world from being settled, or null when everybody is done. */
export function unsettled(world: World): string | null {
  for (const device of world.devices) {
    for (const document of device.documents) {
      const problem = device.unsettled(document);
      if (problem !== null) return `${device.settings.name}, ${document}: ${problem}`;
    }
  }
  return null;
}

export async function finalChecks(world: World): Promise<void> {
  for (const document of world.settings.documents) {
    if (world.log === null) {
      world.report('D5', 'the relay does not run although nothing is wrong any more');
      return;
    }
    const reading = await world.oracle.witness.check(world.log, document);
    if (world.violation !== null) return;
    if (reading !== null) checkContent(world, document, reading);
    checkReplicas(world, document, reading);
    checkPresence(world, document);
  }
}

/** C2: what is stored is what was accepted, and that is what people did, each edit once. */
function checkContent(world: World, document: string, { doc }: Reading): void {
  const history = world.oracle.witness.history(document);
  if (history === undefined) return;
  const stored = Coverage.ofDocument(doc);
  const accepted = Coverage.ofDocument(history.reference);
  const difference = stored.difference(accepted);
  if (difference !== null) world.report('C2', `${document} ${difference}, compared with what was accepted`);
  if (content(doc) !== content(history.reference)) world.report('C2', `${document} is not what was accepted`);

  // The edits as they were made, as far as they got here: applied to a document of their own, they are the same.
  const made = world.oracle.editsOf(document).filter(({ coverage }) => stored.lacks(coverage) === null);
  const rebuilt = documentOf(made.map(({ update }) => update));
  if (isIncomplete(rebuilt) || Coverage.ofDocument(rebuilt).difference(stored) !== null) return;
  if (content(rebuilt) !== content(doc)) world.report('C2', `${document} is not what people made of it`);
}

/** C1: all replicas are identical, and identical to a fresh read. */
function checkReplicas(world: World, document: string, reading: Reading | null): void {
  const wanted = reading?.doc ?? new Y.Doc();
  const coverage = Coverage.ofDocument(wanted);
  const text = content(wanted);
  for (const replica of world.oracle.replicasOf(document)) checkReplica(world, replica, coverage, text);
}

function checkReplica(world: World, { device, document, access, doc }: Replica, wanted: Coverage, text: string): void {
  if (isIncomplete(doc)) world.report('C1', `${device} waits for something in ${document} that never comes`);
  const coverage = Coverage.ofDocument(doc);
  const lacks = coverage.lacks(wanted);
  if (lacks !== null) world.report('C1', `${document} on ${device} lacks ${lacks}, compared with the relay`);
  const surplus = wanted.lacks(coverage);
  // Who may only read cannot give back what the relay lost with its authors.
  if (surplus !== null && access === 'read') return;
  if (surplus !== null) world.report('C1', `${document} on ${device} has ${surplus}, and the relay has not`);
  if (content(doc) !== text) world.report('C1', `${document} on ${device} reads otherwise than on the relay`);
}

/** Everybody sees everybody who is there, with what they announced last, and nobody else. */
function checkPresence(world: World, document: string): void {
  const here = world.devices.filter(({ documents }) => documents.includes(document));
  const replicas = new Map(world.oracle.replicasOf(document).map((replica) => [replica.device, replica]));
  for (const watcher of here) {
    const seen = new Map(watcher.present(document));
    for (const other of here) {
      const id = replicas.get(other.settings.name)?.clientId ?? 0;
      const announced = JSON.stringify(other.present(document).get(id));
      if (JSON.stringify(seen.get(id)) !== announced) {
        world.report(
          'C1',
          `${watcher.settings.name} does not see what ${other.settings.name} announces in ${document}`,
        );
      }
      seen.delete(id);
    }
    const ids = new Set(here.map(({ settings }) => replicas.get(settings.name)?.clientId));
    for (const id of seen.keys()) {
      if (!ids.has(id)) world.report('A2', `${watcher.settings.name} sees a ghost in ${document}, client ${id}`);
    }
  }
}
