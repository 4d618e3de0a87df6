const topLevel = /^\/(bin|sbin|lib|lib32|lib64|libx32)(?=\/|$)/;

/**
 * /bin/sh → /usr/bin/sh. Debian 13 has /bin, /sbin and /lib* as links into /usr; a few packages still ship files there. The links themselves (in
 * base-files) stay where they are.
 */
export function mergeUsr(path: string, links?: "keep top level"): string {
  if (links !== undefined && topLevel.exec(path)?.[0] === path) return path;
  return path.replace(topLevel, "/usr/$1");
}
