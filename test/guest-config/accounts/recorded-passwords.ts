import type { PasswordPlan } from "../../../src/guest-config/user-data/set-passwords-plan.ts";

/** A plan in the form in which cloud-init's calls were recorded. */
export function recordedPasswords({ changes, expires, sshPasswords }: PasswordPlan) {
  const call = (hashed: boolean) => {
    const entries = changes
      .filter(({ type }) => (type === "hash") === hashed)
      .map(({ name, type, password }) => [name, type === "random" ? "<RANDOM>" : password]);
    return entries.length === 0 ? [] : [{ hashed, entries }];
  };
  return {
    chpasswd_calls: [...call(false), ...call(true)],
    expired: expires ? changes.map(({ name }) => name) : [],
    sshd_config_updates: sshPasswords === undefined ? [] : [{ PasswordAuthentication: sshPasswords ? "yes" : "no" }],
  };
}
