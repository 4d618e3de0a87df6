export { parseInterfaces } from "../network/interfaces-file.ts";
export { parseKlibc } from "../network/klibc.ts";
export { parseNetworkConfig } from "../network/network-config.ts";
