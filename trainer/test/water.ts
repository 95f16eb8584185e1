import { writeCtSlice } from '@hilum/imaging';

/** A CT slice of water with air around it: no model of chests is for it. */
export function waterBottle(): Uint8Array {
  const size = 64;
  return writeCtSlice({
    rows: size,
    columns: size,
    hu: Array.from({ length: size * size }, (_, at) => {
      const [row, column] = [Math.floor(at / size) - 32, (at % size) - 32];
      return row * row + column * column < 400 ? 0 : -1000;
    }),
    patientId: 'SYNTHETIC',
    instance: 1,
    position: [0, 0, 0],
    pixelSpacing: [2, 2],
    sliceThickness: 1,
  });
}
