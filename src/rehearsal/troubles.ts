/** Ways in which an emulated cloud can be out of joint, beside calls that fail: what each does is in the emulators. */
export const troubles = {
  "no-bucket": "the bucket is not there",
  "other-region": "the bucket is in another region",
  "archive-bucket": "the bucket's storage class is one that an import cannot read",
  "no-role": "the role that imports need is missing (Alibaba), or the agency that copies need (Huawei)",
  "image-quota": "no more images are allowed",
  "instance-quota": "no more instances are allowed",
  "name-taken": "an image of that name is there already",
  "import-fails": "the import fails in the end, for the reasons that the cloud gives or keeps to itself",
  "sold-out": "no kind of machine can be had, whatever the list says",
  "sold-out-first": "the first kind that is tried cannot be had, whatever the list says",
  "spot-reclaimed": "the first instance is taken back as soon as somebody connects to it",
  "never-answers": "instances run, and nobody answers",
  "other-host-key": "somebody else answers in the place of the instance",
  "slow-cleanup": "instances and security groups are busy for a minute before they can be removed",
  "wrong-key": "the credentials' secret is wrong",
  "expired-token": "the credentials were temporary, and have expired",
  "clock-skew": "the cloud's clock is an hour ahead of this host's",
} as const satisfies Record<string, string>;

export type Trouble = keyof typeof troubles;
