/** The liar tells the truth: what it is held against. */
import { after, before } from 'node:test';
import { suiteOf } from '../../support/hostile/attack.ts';
import { deletedPack, modifiedPack } from '../../support/hostile/repository.ts';
import { startStage, type Stage } from '../../support/hostile/stage.ts';
import type { Attack } from '../../support/hostile/words.ts';

let stage: Stage;
before(async () => { stage = await startStage(); });
after(() => stage.stop());

const caught = { exits: [3], finds: [`deleted ${deletedPack}`, `modified ${modifiedPack}`] };
const controls: readonly Attack[] = [
  { name: 'alone, without a crime', audit: {}, fetch: {}, crime: false, exits: [0] },
  { name: 'a real rsync in between, without a crime', audit: { by: 'proxy' }, fetch: { by: 'proxy' }, crime: false, exits: [0] },
  { name: 'alone, with a crime', audit: {}, ...caught },
  { name: 'a real rsync in between, with a crime', audit: { by: 'proxy' }, ...caught },
];

suiteOf('a liar that tells the truth', () => stage, controls);
