// The package has types, and does not name them where the compiler looks for them.
declare module 'y-leveldb' {
  import type { Doc } from 'yjs';

  export const keyEncoding: { encode(parts: readonly (string | number)[]): Uint8Array };
  export class LeveldbPersistence {
    constructor(folder: string);
    getYDoc(name: string): Promise<Doc>;
    destroy(): Promise<void>;
  }
}
