import { expect, test } from "vitest";
import { chooseSystem } from "../../../src/providers/tencent/operating-system.ts";

const supported = {
  ImportImageOsListSupported: { Linux: ["CentOS", "Debian", "Other Linux"], Windows: ["Windows Server 2022"] },
  ImportImageOsVersionSet: [
    { OsName: "Windows Server 2022", OsVersions: ["2022"], Architecture: ["x86_64"] },
    { OsName: "CentOS", OsVersions: ["8.0", "7.9", "6.10", "6.8"], Architecture: ["x86_64"] },
    { OsName: "Debian", OsVersions: ["10", "9", "12"], Architecture: ["x86_64", "arm_64"] },
    { OsName: "Other Linux", OsVersions: ["-"], Architecture: ["x86_64", "arm_64"] },
  ],
};

test.each([
  [undefined, "Other Linux", "-"],
  [{ name: "Debian", version: "12" }, "Debian", "12"],
  [{ name: "debian", version: "13" }, "Debian", "12"],
  [{ name: "Debian", version: "11" }, "Debian", "10"],
  [{ name: "Debian", version: "7" }, "Debian", "9"],
  [{ name: "Debian" }, "Debian", "12"],
  [{ name: "CentOS", version: "6.9" }, "CentOS", "6.8"],
  [{ name: "DragonOS", version: "1" }, "Other Linux", "-"],
])("%j becomes %s %s", (wanted, OsType, OsVersion) => {
  expect(chooseSystem(supported, "x86_64", wanted)).toEqual({ OsType, OsVersion });
});

test("one that is not for the architecture is not taken", () => {
  expect(chooseSystem(supported, "arm_64", { name: "CentOS", version: "8" })).toMatchObject({ OsType: "Other Linux" });
});

test("without Other Linux any will do; without any there is nothing to choose", () => {
  const few = { ...supported, ImportImageOsListSupported: { Linux: ["Debian"] } };
  expect(chooseSystem(few, "x86_64")).toEqual({ OsType: "Debian", OsVersion: "12" });
  expect(() => chooseSystem({}, "x86_64")).toThrow(/imports no Linux for x86_64/);
});
