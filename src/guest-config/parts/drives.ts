export { lookAround } from "../initializer/look-around.ts";
