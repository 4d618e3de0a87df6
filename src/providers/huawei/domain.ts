/** Under which a region's services have their hosts. The regions of Huawei Cloud Europe have a domain of their own ("Regions and Endpoints"). */
export function domainOf(region: string): string {
  return /^eu-west-1\d\d$/.test(region) ? "myhuaweicloud.eu" : "myhuaweicloud.com";
}
