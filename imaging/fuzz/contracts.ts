import { defaultContract } from '../src/index.ts';
import type { Contract, Image } from '../src/index.ts';

const SIZE = 64;

/** One contract of every shape; what an image is not meant for is among them, and has to be refused. */
export function contractsFor(kind: Image['kind']): readonly Contract[] {
  return kind === 'hu' ? [...ofHu(), ...ofGrey()] : [...ofGrey(), defaultContract('hu', SIZE)];
}

function ofHu(): readonly Contract[] {
  const plain = defaultContract('hu', SIZE);
  if (plain.kind !== 'hu') throw new TypeError('the contract for HU is not of that kind');
  const any = { ...plain, domain: 'any' } as const;
  return [
    plain,
    any,
    { ...any, crop: 'center-square' },
    { ...any, crop: 'lung' },
    { ...any, spacingMm: 1, crop: 'center-square' },
    { ...any, spacingMm: 0.1 },
    { ...any, spacingMm: 0.5, crop: 'lung' },
  ];
}

function ofGrey(): readonly Contract[] {
  const plain = defaultContract('grey', SIZE);
  return [plain, { ...plain, domain: 'any' }, defaultContract('grey', SIZE, { center: -600, width: 1500 })];
}
