import { CAFFE_MEANS } from '@hilum/imaging';

/**
 * One input of a network, `[1, s, s, 3]` nested: a disc of soft edge on a slope of grey. It shows the form that a client
 * has to send and can be sent as it is; it is drawn, nobody's image.
 */
export function exampleInput(inputSize: number): number[][][][] {
  const middle = (inputSize - 1) / 2;
  const radius = inputSize / 4;
  const rows = Array.from({ length: inputSize }, (_row, y) =>
    Array.from({ length: inputSize }, (_column, x) => {
      const inside = radius - Math.hypot(x - middle, y - middle);
      const grey = Math.round(40 + (60 * y) / inputSize + 120 * Math.min(1, Math.max(0, inside / 4 + 0.5)));
      return CAFFE_MEANS.map((mean) => Number((grey - mean).toFixed(3)));
    }),
  );
  return [rows];
}
