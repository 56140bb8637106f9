declare const __VERSION__: string | undefined;

/** The version of this program; the build fills it in. */
export const version: string = typeof __VERSION__ === 'string' ? __VERSION__ : 'dev';
