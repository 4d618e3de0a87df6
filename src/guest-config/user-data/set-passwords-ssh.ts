import type { Host } from "../initializer/host.ts";

/** Our dropbear's service reads it before it starts (build/rootfs/guest/ssh.sh): `yes` or `no`; without it the profile decides. */
const dropbearPath = "/etc/dropbear/password-login";
const sshdPath = "/etc/ssh/sshd_config";
const dropInDirectory = "/etc/ssh/sshd_config.d";

/** Has the ssh servers of this image take passwords or refuse them, from their next start on. */
export function allowSshPasswords(host: Host, isAllowed: boolean, problem: (text: string) => void): void {
  const word = isAllowed ? "yes" : "no";
  const hasDropbear = host.attributes("/usr/sbin/dropbear") !== undefined;
  const config = host.readText(sshdPath);
  if (hasDropbear) {
    host.makeDirectory("/etc/dropbear", 0o755);
    update(host, dropbearPath, `${word}\n`, 0o644);
  }
  if (config !== undefined) {
    // The first word on it counts in sshd_config(5), so a file that is included at the top wins.
    if (/^\s*Include\s+\/etc\/ssh\/sshd_config\.d\//im.test(config) && host.attributes(dropInDirectory) !== undefined)
      update(host, `${dropInDirectory}/50-cloud-init.conf`, `PasswordAuthentication ${word}\n`, 0o600);
    update(host, sshdPath, withPasswordAuthentication(config, word), host.attributes(sshdPath)?.mode ?? 0o644);
  }
  if (!hasDropbear && config === undefined) problem("ssh_pwauth: this image has no ssh server that is known");
}

/** sshd_config with this setting in its general part; what stands in Match blocks stays. Nothing changes if it says so already. */
export function withPasswordAuthentication(config: string, word: string): string {
  const lines = config.split("\n");
  const match = lines.findIndex((line) => /^\s*Match\s/i.test(line));
  const end = match < 0 ? lines.length : match;
  const isSetting = (line: string) => /^\s*PasswordAuthentication[\s=]/i.test(line);
  const entry = `PasswordAuthentication ${word}`;
  const at = lines.findIndex((line, index) => index < end && isSetting(line));
  if (at >= 0) lines[at] = entry;
  else lines.splice(match < 0 && lines.at(-1) === "" ? end - 1 : end, 0, entry);
  return lines.join("\n");
}

function update(host: Host, path: string, text: string, mode: number): void {
  if (host.readText(path) !== text) host.writeFile(path, text, mode);
}
