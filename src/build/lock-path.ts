/** `cloud-profiles/local.yaml` → `cloud-profiles/local.lock.yaml`. */
export function lockPath(profilePath: string): string {
  return `${profilePath.replace(/\.ya?ml$/, "")}.lock.yaml`;
}
