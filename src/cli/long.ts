/** The commands that reach beyond the state folder, in one part: what takes seconds need not load fast. */
export { addCheck } from './check.ts';
export { addDemo } from './demo.ts';
export { addDoctor } from './doctor.ts';
export { addInit } from './init.ts';
export { addReport } from './report.ts';
export { addScrub } from './scrub.ts';
export { addSync } from './sync.ts';
