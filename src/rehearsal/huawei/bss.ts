import { deny, fieldsOf, listOf, type Operation, ok, textOf } from "./call.ts";

/**
 * What billing answers. No definition of this API was at hand, only what its documentation tells in examples: nothing here is compared with a contract, and the amounts are made up.
 */
export const bssOperations = {
  "bss.ListOnDemandResourceRatings": ({ world, body }) => {
    const products = listOf(body["product_infos"]).map(fieldsOf);
    if (products.length === 0 || products.length > 100) deny("CBC.0100", "Parameter error: product_infos");
    const results = products.map((product) => {
      const id = textOf(product["id"]) ?? deny("CBC.0100", "Parameter error: id");
      const region = textOf(product["region"]) ?? "";
      const spec = textOf(product["resource_spec"]) ?? "";
      const isDisk = product["resource_type"] === "hws.resource.type.volume";
      const flavor = (world.flavors.get(region) ?? []).find((flavor) => spec === `${flavor.id}.linux`);
      if (!isDisk && flavor === undefined) deny("CBC.6006", "No product is found");
      const hourly = isDisk
        ? Number(product["resource_size"] ?? 0) * 0.001
        : (flavor?.vcpus ?? 0) * 0.1 + ((flavor?.ramMib ?? 0) / 1024) * 0.05;
      const amount = Math.round(hourly * Number(product["usage_value"] ?? 1) * 1e6) / 1e6;
      return {
        id,
        product_id: `rehearsal-${id}`,
        amount,
        official_website_amount: amount,
        discount_amount: 0,
        measure_id: 1,
      };
    });
    const amount = results.reduce((sum, result) => sum + result.amount, 0);
    const totals = { amount, official_website_amount: amount, discount_amount: 0, measure_id: 1, currency: "CNY" };
    return ok({ ...totals, product_rating_results: results });
  },
} as const satisfies Record<string, Operation>;
