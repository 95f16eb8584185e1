/** An Enhanced CT Image (PS3.3 A.38) in explicit VR little endian, as far as a reader of series needs it. */
export type EnhancedCt = {
  readonly rows: number;
  readonly columns: number;
  readonly seriesUid: string;
  readonly instanceUid: string;
  readonly pixelSpacing: readonly [number, number];
  /** In the file's order. */
  readonly frames: readonly {
    readonly position: readonly [number, number, number];
    /** HU, row by row. */
    readonly hu: ArrayLike<number>;
  }[];
};

const ENHANCED_CT = '1.2.840.10008.5.1.4.1.1.2.1';
const INTERCEPT = -1024;

export function writeEnhancedCt(image: EnhancedCt): Uint8Array {
  const meta = [
    text(0x0002_0002, 'UI', ENHANCED_CT),
    text(0x0002_0003, 'UI', image.instanceUid),
    text(0x0002_0010, 'UI', '1.2.840.10008.1.2.1'),
  ];
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.concat(meta).length);
  return new Uint8Array(
    Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      element(0x0002_0000, 'UL', length),
      ...meta,
      ...dataSet(image),
    ]),
  );
}

function dataSet({
  rows,
  columns,
  seriesUid,
  instanceUid,
  pixelSpacing,
  frames,
}: EnhancedCt): readonly Buffer[] {
  return [
    text(0x0008_0008, 'CS', 'DERIVED\\PRIMARY\\VOLUME\\NONE'),
    text(0x0008_0016, 'UI', ENHANCED_CT),
    text(0x0008_0018, 'UI', instanceUid),
    text(0x0008_0060, 'CS', 'CT'),
    text(0x0020_000d, 'UI', '2.25.1'),
    text(0x0020_000e, 'UI', seriesUid),
    text(0x0020_0052, 'UI', '2.25.2'),
    short(0x0028_0002, 1),
    text(0x0028_0004, 'CS', 'MONOCHROME2'),
    text(0x0028_0008, 'IS', String(frames.length)),
    short(0x0028_0010, rows),
    short(0x0028_0011, columns),
    short(0x0028_0100, 16),
    short(0x0028_0101, 12),
    short(0x0028_0102, 11),
    short(0x0028_0103, 0),
    sequence(0x5200_9229, [
      [
        sequence(0x0018_9329, [[text(0x0008_9007, 'CS', 'DERIVED\\PRIMARY\\VOLUME\\NONE')]]),
        sequence(0x0020_9116, [[text(0x0020_0037, 'DS', '1\\0\\0\\0\\1\\0')]]),
        sequence(0x0028_9110, [
          [text(0x0018_0050, 'DS', '1'), text(0x0028_0030, 'DS', pixelSpacing.join('\\'))],
        ]),
        sequence(0x0028_9145, [
          [
            text(0x0028_1052, 'DS', String(INTERCEPT)),
            text(0x0028_1053, 'DS', '1'),
            text(0x0028_1054, 'LO', 'HU'),
          ],
        ]),
      ],
    ]),
    sequence(
      0x5200_9230,
      frames.map(({ position }) => [sequence(0x0020_9113, [[text(0x0020_0032, 'DS', position.join('\\'))]])]),
    ),
    element(0x7fe0_0010, 'OW', Buffer.concat(frames.map(({ hu }) => stored(hu)))),
  ];
}

function stored(hu: ArrayLike<number>): Buffer {
  return Buffer.from(Uint16Array.from(hu, (value) => value - INTERCEPT).buffer);
}

function sequence(tag: number, items: readonly (readonly Buffer[])[]): Buffer {
  const encoded = items.map((elements) => {
    const value = Buffer.concat(elements);
    const head = Buffer.from('feff00e000000000', 'hex');
    head.writeUInt32LE(value.length, 4);
    return Buffer.concat([head, value]);
  });
  return element(tag, 'SQ', Buffer.concat(encoded));
}

function text(tag: number, vr: string, value: string): Buffer {
  const pad = value.length % 2 === 0 ? '' : vr === 'UI' ? '\0' : ' ';
  return element(tag, vr, Buffer.from(value + pad, 'latin1'));
}

function short(tag: number, value: number): Buffer {
  return element(tag, 'US', Buffer.from(Uint16Array.of(value).buffer));
}

function element(tag: number, vr: string, value: Buffer): Buffer {
  const long = vr === 'OW' || vr === 'SQ';
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (long) head.writeUInt32LE(value.length, 8);
  else head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}
