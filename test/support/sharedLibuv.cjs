// Loaded before the program (node --require): a Node that lets no process change its user, as one does that shares the system's
// libuv (Debian 13's).
for (const name of ['setuid', 'seteuid', 'setgid', 'setegid', 'setgroups', 'initgroups']) {
  process[name] = () => {
    throw Object.assign(new Error(`${name}() disabled: io_uring may be enabled. See CVE-2024-22017.`), { code: 'ERR_INVALID_STATE' });
  };
}
