export { configure } from "../user-data/configure.ts";
export { finish } from "../user-data/finish.ts";
export { setTimeServers } from "../user-data/ntp.ts";
export { setPasswordHashes } from "../user-data/shadow.ts";
