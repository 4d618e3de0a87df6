/** The most that CVM and VPC give at once. */
const pageSize = 100;

/** All of a list that comes in pages. */
export async function allPages<T>(
  page: (offset: number, limit: number) => Promise<readonly T[] | undefined>,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const more = (await page(all.length, pageSize)) ?? [];
    all.push(...more);
    if (more.length < pageSize) return all;
  }
}
