import { addPacks } from './places.ts';
addPacks(process.argv[2]!, Number(process.argv[3]), 1000);
