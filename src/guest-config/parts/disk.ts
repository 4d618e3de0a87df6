export { growDisk } from "../disk/grow.ts";
