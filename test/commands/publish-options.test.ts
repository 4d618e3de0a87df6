import { Command, CommanderError } from "commander";
import { expect, test } from "vitest";
import { publish } from "../../src/commands/publish.ts";

function providersOf(...words: string[]): unknown {
  const command = new Command("publish").exitOverride().configureOutput({ outputError: () => {} });
  for (const argument of publish.args) command.addArgument(argument);
  for (const option of publish.options) command.addOption(option);
  return command.parse(words, { from: "user" }).opts()["provider"];
}

test("several clouds are told apart by commas, or by spaces, or by the option itself", () => {
  const both = ["tencent", "alibaba"];
  expect(providersOf("web", "-p", "tencent,alibaba")).toEqual(both);
  expect(providersOf("web", "-p", "tencent, alibaba")).toEqual(both);
  expect(providersOf("web", "-p", "tencent", "alibaba")).toEqual(both);
  expect(providersOf("web", "-p", "tencent", "--provider", "alibaba")).toEqual(both);
  expect(providersOf("web", "-p", "tencent,alibaba", "huawei")).toEqual([...both, "huawei"]);
  expect(providersOf("web")).toBeUndefined();
});

test.each(["tencent,", "aws", "tencent,aws", "", "toString"])("%s is no list of clouds", (text) => {
  expect(() => providersOf("web", "-p", text)).toThrow(CommanderError);
});
