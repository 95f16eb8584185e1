// dcmjs ships no types; these are the parts that we call.
declare module 'dcmjs' {
  type Logger = { setLevel(level: 'silent'): void; getLogger(name: string): Logger };
  type Tags = Record<string, { readonly vr: string; readonly Value?: unknown }>;

  const dcmjs: {
    readonly log: Logger;
    readonly data: {
      readonly DicomMetaDictionary: { denaturalizeDataset(dataset: object): Tags };
      readonly DicomDict: new (meta: Tags) => {
        dict: Tags;
        write(options: { readonly allowInvalidVRLength: boolean }): ArrayBuffer;
      };
    };
  };
  export default dcmjs;
}
