/** Bugs that relays have had, to be planted one at a time. */
import type {
  Contributor,
  DocumentLog,
  Grant,
  OnSettled,
  Room,
  StoragePort,
  WriteBatcher,
} from '@tideweave/server/testing';
import { type Admission, DocumentState, encodeCursor, encodeMessages } from '@tideweave/shared';
import { Planting } from './planting.ts';

/** An update is acknowledged when it is handed to the log. */
export class AckBeforeCommit extends Planting {
  override log(log: DocumentLog): DocumentLog {
    let last: Promise<unknown> = Promise.resolve();
    return {
      ...passedThrough(log),
      async append(appends) {
        await last.catch(() => undefined);
        const heads = await Promise.all(appends.map(({ name }) => log.head(name)));
        last = log.append(appends);
        last.catch(() => undefined);
        // A new document's identity is known only afterwards.
        if (heads.includes(null)) return (await last) as Awaited<ReturnType<DocumentLog['append']>>;
        return appends.map(({ entries }, at) => {
          const head = heads[at];
          if (head == null) throw new Error('checked above');
          return { head: { ...head, lastSeq: head.lastSeq + entries.length } };
        });
      },
    };
  }
}

/** Commits are not synced: they survive a crash of the process, and no power loss. */
export class CommitWithoutSync extends Planting {
  override storage(storage: StoragePort): StoragePort {
    return {
      get: (key) => storage.get(key),
      pairs: (range, options) => storage.pairs(range, options),
      keys: (range, options) => storage.keys(range, options),
      write: (batch) => storage.write(batch, false),
      reopen: () => storage.reopen(),
      lost: () => storage.lost(),
      forgetLost: () => storage.forgetLost(),
      close: () => storage.close(),
    };
  }
}

/** A compaction takes away everything up to the newest entry, and not what it has merged. */
export class CompactionByRange extends Planting {
  override log(log: DocumentLog): DocumentLog {
    return {
      ...passedThrough(log),
      async compact(name, compaction) {
        const lastSeq = (await log.head(name))?.lastSeq ?? 0;
        const snapshot = { ...compaction.snapshot, seq: Math.max(lastSeq, compaction.snapshot.seq) };
        return log.compact(name, { ...compaction, snapshot, keepFrom: snapshot.seq + 1 });
      },
    };
  }
}

/** What comes while a document is being stored counts as stored with it. */
export class LostDirtyFlag extends Planting {
  readonly #storing = new Set<string>();
  readonly #late = new Map<string, OnSettled[]>();

  override log(log: DocumentLog): DocumentLog {
    return {
      ...passedThrough(log),
      append: async (appends) => {
        for (const { name } of appends) this.#storing.add(name);
        try {
          const results = await log.append(appends);
          for (const [at, { name }] of appends.entries()) {
            const result = results[at];
            const late = this.#late.get(name) ?? [];
            this.#late.delete(name);
            if (result === undefined) continue;
            // After those who were stored, as the ledger expects.
            const tell = (): void =>
              late.forEach((onSettled) => onSettled(result, 'head' in result ? result.head.lastSeq : 0));
            void Promise.resolve().then(() => Promise.resolve().then(tell));
          }
          return results;
        } finally {
          for (const { name } of appends) this.#storing.delete(name);
        }
      },
    };
  }

  override batcher(batcher: WriteBatcher): WriteBatcher {
    const enqueue = batcher.enqueue.bind(batcher);
    batcher.enqueue = (name, epoch, entries, onSettled) => {
      if (!this.#storing.has(name)) {
        enqueue(name, epoch, entries, onSettled);
        return;
      }
      this.#late.set(name, [...(this.#late.get(name) ?? []), onSettled]);
    };
    return batcher;
  }
}

/** Authors get back what they wrote. */
export class RelayEcho extends Planting {
  override room(room: Room): void {
    const accept = room.accept.bind(room);
    room.accept = (update, contributor) => accept(update, standInFor(contributor));
  }
}

/** Nobody looks whether an update is known already. */
export class DuplicatesStored extends Planting {
  override install(): () => void {
    return admitting((admission) => (admission === 'known' ? 'new' : admission));
  }
}

/** Nobody looks whether an update builds on what is not there. */
export class MissingDependenciesStored extends Planting {
  override install(): () => void {
    return admitting((admission) => (admission === 'missing' ? 'new' : admission));
  }
}

/** Watermarks count what was accepted, committed or not. */
export class WatermarkAheadOfCommit extends Planting {
  override room(room: Room): void {
    if (Object.hasOwn(room, 'cursor')) return;
    let uncommitted = 0;
    const accept = room.accept.bind(room);
    room.accept = (update, contributor) => {
      const before = room.committedTicket;
      const verdict = accept(update, contributor);
      uncommitted = verdict.kind === 'stored' && verdict.ticket > before ? verdict.ticket : uncommitted;
      return verdict;
    };
    Object.defineProperty(room, 'cursor', {
      get: () => {
        const { head } = room;
        const ahead = uncommitted > room.committedTicket ? 1 : 0;
        if (head === null) return null;
        const { logId, lastSeq, epoch } = head;
        return { epoch, bytes: encodeCursor({ logId, seq: lastSeq + ahead, check: 0 }) };
      },
    });
  }
}

/** Every delivery moves the reader's cursor. */
export class CursorFromDelivery extends Planting {
  override room(room: Room): void {
    if (Object.hasOwn(room, 'join')) return;
    const join = room.join.bind(room);
    room.join = (member, stateVector) => {
      join(member, stateVector);
      const write = member.write.bind(member);
      member.write = (frames) => {
        write(frames);
        const { head } = room;
        if (head === null || room.isIdle || member.device === '') return;
        const cursor = encodeCursor({ logId: head.logId, seq: head.lastSeq + 1, check: 0 });
        const payload = encodeMessages([
          { type: 'watermark', doc: room.number, epoch: head.epoch, cursor, settled: false },
        ]);
        write(Uint8Array.of(0x82, payload.length, ...payload));
      };
    };
  }
}

/** Whoever was too slow to read is never brought up to date again. */
export class SlowReaderForgotten extends Planting {
  override room(room: Room): void {
    room.resume = () => Promise.resolve();
  }
}

/** Who was let in once stays for ever. */
export class EndedGrantKept extends Planting {
  override grant({ access, user }: Grant): Grant {
    return { access, user };
  }
}

/** The log as an object of its own, so that single methods can be replaced. */
function passedThrough(log: DocumentLog): DocumentLog {
  return {
    append: (appends) => log.append(appends),
    head: (name) => log.head(name),
    read: (name, after) => log.read(name, after),
    snapshot: (name) => log.snapshot(name),
    compact: (name, compaction) => log.compact(name, compaction),
    quarantined: (name) => log.quarantined(name),
    create: (name) => log.create(name),
    delete: (name) => log.delete(name),
    list: (options) => log.list(options),
    names: (options) => log.names(options),
    restore: (image) => log.restore(image),
    probe: () => log.probe(),
    close: () => log.close(),
  };
}

/** Each entry is told as the work of whoever wrote the one before it. */
export class AuthorsMixedUp extends Planting {
  override room(room: Room): void {
    if (Object.hasOwn(room, 'entriesAfter')) return;
    const entriesAfter = room.entriesAfter.bind(room);
    room.entriesAfter = async (cursor) => {
      const entries = await entriesAfter(cursor);
      return entries.map((entry, at) => ({ ...entry, user: entries[at - 1]?.user ?? entry.user }));
    };
  }
}

function standInFor(contributor: Contributor): Contributor {
  const { user, device } = contributor;
  return {
    user,
    device,
    committed: (ticket) => contributor.committed(ticket),
    ended: (error) => contributor.ended(error),
  };
}

function admitting(change: (admission: Admission) => Admission): () => void {
  const { prototype } = DocumentState;
  const admit = Reflect.get(prototype, 'admit');
  prototype.admit = function (this: DocumentState, scan) {
    return change(admit.call(this, scan));
  };
  return () => {
    prototype.admit = admit;
  };
}
