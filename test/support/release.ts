/** Whether this is the release check, which runs whole tables and every step where the ordinary suite takes some. */
export const isReleaseCheck = process.env['RATCHET_RELEASE_CHECK'] !== undefined;
