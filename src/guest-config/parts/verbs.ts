export { runVerb } from "../initializer/run-verb.ts";
