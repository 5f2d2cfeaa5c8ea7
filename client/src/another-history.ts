/** What a person may choose when the relay's history of a document is another one than the device's (C6). Loaded when asked for. */
import * as Y from 'yjs';
import type { DocumentHandle, HandleOwner } from './document-handle.ts';

/** See `DocumentHandle.keepMineAs`. */
export async function keepMineAs(
  handle: DocumentHandle,
  owner: HandleOwner,
  name: string,
  options: { signal?: AbortSignal },
): Promise<DocumentHandle> {
  checkApart(handle);
  const kept = owner.open(name);
  Y.applyUpdate(kept.doc, handle.exportMine());
  await kept.whenSaved({ tier: 'device', ...options });
  return kept;
}

/** See `DocumentHandle.takeTheirs`. */
export async function takeTheirs(handle: DocumentHandle, owner: HandleOwner): Promise<DocumentHandle> {
  checkApart(handle);
  const mine = handle.exportMine();
  handle.close();
  await (await owner.store)?.setAside(handle.name, mine);
  return owner.open(handle.name);
}

function checkApart({ name, status: { phase, error } }: DocumentHandle): void {
  if (phase !== 'refused' || error?.code !== 'TW_EPOCH_MISMATCH')
    throw new Error(`document ${JSON.stringify(name)} has one history, here and on the relay`);
}
