import { afterAll, describe, expect, test } from 'vitest';
import { progressive } from '../fuzz/bombs-picture.ts';
import { closeDecoders, decodeImage } from '../src/index.ts';

afterAll(closeDecoders);

// Each of these was found by `npm run fuzz -w imaging`.
describe('a picture made to harm', () => {
  test('is refused when its JPEG has hundreds of scans, each a walk over the whole image', async () => {
    expect(await decodeImage(progressive(64, 10))).toMatchObject({ kind: 'grey', rows: 64, columns: 64 });
    await expect(decodeImage(progressive(64, 65))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});
