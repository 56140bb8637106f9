import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { dataBlob, Forge, idOf, treeBlob } from '../support/forge.ts';
import { openRepository } from '../support/restic.ts';
const forge = await Forge.of(openRepository(join(process.argv[2]!, 'small', 'source')));
for (let k = 0; k < 2; k++) {
  const blobs = [dataBlob(randomBytes(2000)), dataBlob(randomBytes(2000))];
  const tree = treeBlob({ file: blobs });
  forge.index({ packs: [...blobs, tree].map((blob) => forge.pack([blob])) });
  forge.snapshot(idOf(tree));
}
