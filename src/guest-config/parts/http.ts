export { fetchThroughPrograms } from "../initializer/fetch-programs.ts";
