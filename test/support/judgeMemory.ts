#!/usr/bin/env node
/** `judgeMemory FILE COUNT`: judges a dry run, and prints the most memory that this took, in bytes. */
import { keepYoungGenerationSmall } from '../../src/state/young-generation.ts';
import { judge } from '../bench/judge.ts';

keepYoungGenerationSmall();
judge(process.argv[2] ?? '', Number(process.argv[3]));
console.log(process.resourceUsage().maxRSS * 1024);
