/** Our rsync prints an item only when the sender sends it back, with the flags that came back. */
import { after, before } from 'node:test';
import { suiteOf } from '../../support/hostile/attack.ts';
import { deletedPack, fresh, modifiedPack, old } from '../../support/hostile/repository.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import { rsyncDecides, type Attack, type Echo, type Lie } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

const echo = (path: string, how: Echo): Lie => ({ echo: { [path]: how } });
const also = (...extra: Exclude<Echo, string>['also'] & object): Lie => echo(old.packs[2]!, { also: extra });
const inconsistent = { exits: [3], finds: [`inconsistent ${modifiedPack}`, `modified ${modifiedPack}`] };

const echoes: readonly Attack[] = [
  { name: 'the changed pack is not sent back', packs: echo(modifiedPack, 'drop'), exits: [3], finds: [`unaccounted ${modifiedPack}`] },
  { name: 'nothing is sent back', rare: true, audit: echo('*', 'drop'), exits: [3], finds: [`unaccounted ${modifiedPack}`, `unaccounted ${old.config}`] },
  { name: 'a new pack is not sent back: it does not exist for us', crime: false, packs: echo(fresh.packs[0]!, 'drop'), exits: [0], admits: [...fresh.packs.slice(1), fresh.index, fresh.snapshot] },
  { name: 'the changed pack looks unchanged', packs: echo(modifiedPack, { flags: 0 }), ...inconsistent },
  { name: 'the changed pack looks new', rare: true, packs: echo(modifiedPack, { flags: 0xa000 }), ...inconsistent },
  { name: 'the changed pack looks like one with other permissions', rare: true, packs: echo(modifiedPack, { flags: 16 }), ...inconsistent },
  { name: 'the changed pack looks like one with another time', rare: true, packs: echo(modifiedPack, { flags: 0x8008 }), ...inconsistent },
  { name: 'everything looks unchanged', audit: echo('*', { flags: 0 }), ...inconsistent },
  { name: 'everything looks new, folders too', rare: true, audit: echo('*', { flags: 0xa000 }), exits: [1] },
  { name: 'a new pack looks unchanged', crime: false, packs: echo(fresh.packs[0]!, { flags: 0 }), exits: [3], finds: [`inconsistent ${fresh.packs[0]!}`] },
  { name: 'an unchanged pack looks new', rare: true, crime: false, packs: echo(old.packs[2]!, { flags: 0xa000 }), exits: [3], finds: [`inconsistent ${old.packs[2]!}`] },
  { name: 'all flags at once', crime: false, packs: echo(old.packs[2]!, { flags: 0xe7ff }), exits: [3], finds: [`inconsistent ${old.packs[2]!}`] },
  { name: 'the flag for a local change', rare: true, crime: false, packs: echo(old.packs[2]!, { flags: 0x4000 }), exits: [3], finds: [`inconsistent ${old.packs[2]!}`] },
  { name: 'the repository itself looks like a folder with other permissions', rare: true, crime: false, packs: echo('.', { flags: 16 }), exits: [3], finds: ['inconsistent .'] },
  { name: 'the changed pack twice', packs: echo(modifiedPack, 'twice'), exits: [3], finds: [`unaccounted ${modifiedPack}`] },
  { name: 'everything twice', rare: true, crime: false, audit: echo('*', 'twice'), exits: [3], finds: ['unaccounted .', `unaccounted ${old.config}`] },
  { name: 'a new pack twice', rare: true, crime: false, packs: echo(fresh.packs[0]!, 'twice'), exits: [3], finds: [`unaccounted ${fresh.packs[0]!}`] },
  { name: 'one in place of another', packs: { echo: { [modifiedPack]: 'drop', [old.packs[2]!]: 'twice' } }, exits: [3], finds: [`unaccounted ${modifiedPack}`] },
  { name: 'an index never asked for: another pack', crime: false, packs: also({ path: old.packs[3]!, flags: 0 }), exits: [3], finds: [`unaccounted ${old.packs[3]!}`] },
  { name: 'an index never asked for: 9999', rare: true, crime: false, packs: also({ index: 9999 }), exits: rsyncDecides },
  { name: 'an index never asked for: -5', rare: true, crime: false, packs: also({ index: -5 }), exits: rsyncDecides },
  { name: 'an index never asked for: -101', rare: true, crime: false, packs: also({ index: -101 }), exits: rsyncDecides },
  { name: 'a list that is announced and never comes', rare: true, crime: false, packs: also({ index: -2 }), exits: rsyncDecides },
  { name: 'content that nobody asked for, in a dry run', crime: false, packs: also({ path: old.packs[3]!, flags: 0x8000, content: 'overwritten' }), exits: rsyncDecides },
  { name: 'content for the deleted pack, in a dry run', rare: true, packs: { list: { [deletedPack]: { size: 11 } }, echo: { [deletedPack]: { also: [{ path: deletedPack, flags: 0xa000, content: 'overwritten' }] } } }, exits: rsyncDecides },
  { name: 'done before anything was said', rare: true, audit: { acts: { asked: [{ tag: 0, bytes: [0] }, { tag: 0, bytes: [0] }, { tag: 0, bytes: [0] }] } }, exits: rsyncDecides },
  { name: 'a frame left out by a real rsync\'s neighbour', rare: true, packs: { by: 'proxy', drop: [3] }, exits: rsyncDecides },
];

suiteOf('echoes', () => stage, echoes);
