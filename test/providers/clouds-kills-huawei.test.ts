import { killSuite } from "./clouds-kills.ts";

await killSuite("huawei");
