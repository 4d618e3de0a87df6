export { sendConsole } from "../initializer/send-console.ts";
