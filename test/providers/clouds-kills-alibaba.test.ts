import { killSuite } from "./clouds-kills.ts";

await killSuite("alibaba");
