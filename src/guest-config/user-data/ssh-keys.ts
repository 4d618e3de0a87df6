import { grantKeys } from "../initializer/authorized-keys.ts";
import type { Module } from "./module.ts";
import { configureHostKeys } from "./ssh-keys-host.ts";
import { planKeyGrants } from "./ssh-keys-plan.ts";
import { keysOf } from "./users-groups.ts";
import { readUsers } from "./users-groups-default.ts";

/** Who may log in with which key, and the keys of the machine itself. Runs without any of its keys too: the cloud has some for the default user. */
export const ssh: Module = {
  name: "ssh",
  keys: [
    ...["ssh_authorized_keys", "allow_public_ssh_keys", "disable_root", "disable_root_opts"],
    ...["ssh_keys", "ssh_genkeytypes", "ssh_deletekeys", "ssh", "ssh_import_id", "ssh_quiet_keygen"],
    // Of what the console shows: fingerprints of users' keys, which we do not print.
    ...["no_ssh_fingerprints", "authkey_hash", "ssh_fp_console_blacklist", "ssh_key_console_blacklist"],
  ],
  isAlwaysRun: true,
  stage: "config",
  frequency: "instance",
  run(config, { host, instance, problem }) {
    if ((config["ssh_import_id"] ?? undefined) !== undefined) problem("ssh_import_id is not supported");
    const keys = keysOf(config["ssh_authorized_keys"]);
    if (keys === undefined) problem("ssh_authorized_keys is neither text nor a list of it");
    // What is wrong with the users themselves is told by their own module.
    const { defaultUser } = readUsers(config, instance, () => {});
    const grants = planKeyGrants(config, instance, defaultUser, keys ?? [], problem);
    const { added, problems } = grantKeys(host, grants);
    for (const text of problems) problem(text);
    configureHostKeys(host, config, instance.isNew, problem);
    return added.length === 0 ? undefined : `keys for ${added.join(", ")}`;
  },
};
