/** What becomes of an attribute: PS3.15 table E.1-1 and what we add to it. Pure; sees a tag and a VR, never a value. */
import { standardVr } from './dictionary.ts';
import { TABLE_E1_1 } from './table-e1-1.ts';

/** The options of PS3.15 E.3 that are offered. */
export type Retained = {
  /** E.3.4: sex, age, size, weight and other coded or numeric characteristics. */
  readonly patientCharacteristics: boolean;
  /** E.3.3: serial numbers, station names, device UIDs. */
  readonly deviceIdentity: boolean;
  /** E.3.6, modified dates: dates moved by whole days. */
  readonly shiftedDates: boolean;
};

/**
 * `replace`: a dummy of the VR, or, for a sequence, its items with every text in them replaced. `uid`: the remapped
 * UID. `shift`: the date moved. `keep` of a sequence: its items by the same rules.
 */
export type Action = 'remove' | 'empty' | 'replace' | 'uid' | 'shift' | 'keep';

export type Row = {
  readonly tag: string;
  readonly keyword: string;
  readonly basic: string;
  readonly options: Readonly<Record<string, string>>;
};

/** In the order of tags, 657 of them; the last four stand for many: private, curves, overlay data and comments. */
export const rows: readonly Row[] = TABLE_E1_1.trim().split('\n').map(readRow);

export function keywordOf(tag: number): string {
  const group = tag >>> 16;
  if (group % 2 === 1) return 'PrivateAttributes';
  if (isRepeating(group, 0x5000)) return 'CurveData';
  if (isRepeating(group, 0x6000)) return 'Overlay';
  return table.get(tag)?.keyword ?? '';
}

/** `vr` is what the file says. */
export function actionOn(tag: number, vr: string, retained: Retained): Action {
  const group = tag >>> 16;
  if (group % 2 === 1 || neverKept(tag, group)) return 'remove';
  const row = table.get(tag);
  if (row !== undefined) return actionOfRow(row, vr, retained);
  const standard = standardVr(tag);
  if (standard === undefined || contradicts(vr, standard)) return 'remove';
  return actionOfUnlisted(tag, vr === 'UN' ? standard : vr, standard, retained);
}

const table: ReadonlyMap<number, Row> = new Map(
  rows.filter(({ tag }) => /^[\da-f]{8}$/.test(tag)).map((row) => [Number.parseInt(row.tag, 16), row]),
);

function readRow(line: string): Row {
  const [tag = '', keyword = '', basic = '', ...options] = line.split(' ');
  const named = options
    .map((option) => option.split(':'))
    .map(([name = '', action = '']) => [name, action] as const);
  return { tag, keyword, basic, options: Object.fromEntries(named) };
}

const DATE_VRS = new Set(['DA', 'DT', 'TM']);
/** Characteristics in words may say anything; only these VRs are retained. */
const CODED_VRS = new Set(['AS', 'CS', 'DS', 'FD', 'FL', 'IS', 'SL', 'SQ', 'SS', 'UL', 'US']);

function actionOfRow(row: Row, vr: string, retained: Retained): Action {
  if (retained.shiftedDates && row.options['modifiedDates'] === 'C' && DATE_VRS.has(vr)) return 'shift';
  if (retained.deviceIdentity && row.options['device'] === 'K') return 'keep';
  if (retained.patientCharacteristics && row.options['patient'] === 'K' && CODED_VRS.has(vr)) return 'keep';
  return basicAction(row.basic);
}

/**
 * The choice that a compound action leaves depends on the attribute's type in the object (E.1.1): the one is taken
 * that keeps every object valid, also where the attribute is of type 1.
 */
function basicAction(basic: string): Action {
  switch (basic) {
    case 'X':
      return 'remove';
    case 'Z':
    case 'X/Z':
      return 'empty';
    case 'D':
    case 'X/D':
    case 'Z/D':
    case 'X/Z/D':
      return 'replace';
    case 'U':
      return 'uid';
    case 'X/Z/U*':
      return 'keep';
    default:
      throw new Error(`table E.1-1 has no action ${basic}`);
  }
}

/** Besides the table, because of what they are known or able to hold. docs/deidentification.md lists them. */
const ALSO_REMOVED: ReadonlySet<number> = new Set([
  0x0008_0300, // Private Data Element Characteristics Sequence: of what is gone
  0x0010_0033, // Patient's Birth Date in Alternative Calendar
  0x0010_0034, // Patient's Death Date in Alternative Calendar
  0x0010_2295, // Breed Registration Number
  0x0018_1003, // Device ID
  0x0018_1803, // NTP Source Address
  0x0040_0400, // Comments on the Scheduled Procedure Step
  0x0040_1006, // Placer Order Number / Procedure
  0x0040_1007, // Filler Order Number / Procedure
  0x0040_2006, // Placer Order Number / Imaging Service Request (retired)
  0x0040_2007, // Filler Order Number / Imaging Service Request (retired)
  0x0054_0400, // Image ID: what an operator called the image
  0x0072_0008, // Hanging Protocol Creator
  0x0072_0010, // Hanging Protocol User Group Name
  0x0074_100c, // Contact Display Name
  0x0088_0130, // Storage Media File-set ID
  0x0400_0500, // Encrypted Attributes Sequence: an earlier identity, locked
  0x2100_0010, // Print Job ID
  0x2100_0160, // Owner ID
  0x2110_0030, // Printer Name
  0x3002_0020, // Radiation Machine Name
]);
const DEVICE_ID = 0x0018_1003;

function neverKept(tag: number, group: number): boolean {
  // Group lengths would be wrong; commands, file meta and directories have no place in a data set.
  if ((tag & 0xffff) === 0 || group <= 0x0004) return true;
  // Overlays and curves: the table names their data; what is left of such a group would describe nothing.
  if (isRepeating(group, 0x5000) || isRepeating(group, 0x6000)) return true;
  // Baggage and its owners (PS3.3 A.47).
  return group === 0x4010;
}

const isRepeating = (group: number, first: number): boolean => (group & 0xff00) === first;

const TEXT_VRS = new Set('AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT'.split(' '));
export const isTextVr = (vr: string): boolean => TEXT_VRS.has(vr);

/** Text where the standard has numbers, or a sequence where it has a value: nobody can say what that is. */
function contradicts(vr: string, standard: string): boolean {
  if (vr === 'UN') return standard === 'SQ';
  return (vr === 'SQ') !== (standard === 'SQ') || (isTextVr(vr) && !isTextVr(standard));
}

function actionOfUnlisted(tag: number, vr: string, standard: string, retained: Retained): Action {
  if (ALSO_REMOVED.has(tag)) return tag === DEVICE_ID && retained.deviceIdentity ? 'keep' : 'remove';
  if (vr === 'PN' || standard === 'PN') return 'replace';
  const isCode = tag >>> 16 === 0x0008 && CODE_ELEMENTS.has(tag & 0xffff);
  if (DATE_VRS.has(standard))
    return retained.shiftedDates && DATE_VRS.has(vr) ? 'shift' : isCode ? 'keep' : 'replace';
  if (standard === 'UR') return isCode ? 'keep' : 'remove';
  if (FREE_TEXT_VRS.has(vr) || FREE_TEXT_VRS.has(standard)) return isCode ? 'keep' : 'replace';
  if (standard === 'UI') return CLASS_UIDS.has(tag) ? 'keep' : 'uid';
  return 'keep';
}

const FREE_TEXT_VRS = new Set(['LT', 'ST', 'UC', 'UT']);
/** Group 0008: what a code and its scheme consist of (PS3.3 8.8). */
const CODE_ELEMENTS = new Set([0x0108, 0x010e, 0x0114, 0x0115, 0x0116, 0x0119, 0x0120]);
/** UIDs of classes, syntaxes and code systems: they name no instance. */
const CLASS_UIDS: ReadonlySet<number> = new Set([
  0x0008_0016, 0x0008_001a, 0x0008_001b, 0x0008_0062, 0x0008_010c, 0x0008_010d, 0x0008_0117, 0x0008_0118,
  0x0008_040e, 0x0008_1150, 0x0008_115a, 0x0008_3002, 0x0034_0003, 0x0400_0010, 0x0400_0510, 0x3010_0052,
  0x3010_0053,
]);
