#!/usr/bin/env -S node --max-semi-space-size=2
/** `judgeMemory FILE COUNT`: judges a dry run, and prints the most memory that this took, in bytes. */
import { judge } from '../bench/judge.ts';

judge(process.argv[2] ?? '', Number(process.argv[3]));
console.log(process.resourceUsage().maxRSS * 1024);
