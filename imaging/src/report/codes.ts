import type { DataSet } from './part10.ts';

/** A coded concept (PS3.3 8): its scheme gives the value its meaning, which is only for people. */
export type Code = { readonly value: string; readonly scheme: string; readonly meaning: string };

export const dcm = (value: string, meaning: string): Code => ({ value, scheme: 'DCM', meaning });
export const sct = (value: string, meaning: string): Code => ({ value, scheme: 'SCT', meaning });
export const ucum = (value: string, meaning: string): Code => ({ value, scheme: 'UCUM', meaning });

/** What no public scheme has a code for. */
export const own = (value: string, meaning: string): Code => ({ value, scheme: OWN_SCHEME, meaning });

// PS3.16 8: private designators start with 99.
const OWN_SCHEME = '99HILUM';

/** Coding Scheme Identification Sequence (PS3.3 C.12.1.1.7): who is behind the private designator. */
export const OWN_SCHEME_IDENTIFICATION: readonly DataSet[] = [
  {
    CodingSchemeDesignator: OWN_SCHEME,
    CodingSchemeName: 'Codes of the Hilum project',
    CodingSchemeResponsibleOrganization: 'Hilum, an open-source project',
  },
];

export const CHEST_LUNG = sct('39607008', 'Lung');

/**
 * A label of a model as codes: what was found, and how it was judged. Labels of other words are codes of our own,
 * which claim nothing. Stated in docs/reports.md.
 */
export function codesOfLabel(label: string): { readonly finding: Code; readonly judged: Code } {
  const known = LABELS[label.toLowerCase()];
  if (known !== undefined) return known;
  const code = own(label, label);
  return { finding: code, judged: code };
}

const NEOPLASM = sct('108369006', 'Neoplasm');
const NODULE = sct('27925004', 'Nodule');
const NORMAL = sct('17621005', 'Normal');
const LABELS: Readonly<Record<string, { readonly finding: Code; readonly judged: Code }>> = {
  malignant: { finding: NEOPLASM, judged: sct('21594007', 'Malignant') },
  // The benign class of the data sets mixes granulomas and hamartomas: a nodule, not a neoplasm.
  benign: { finding: NODULE, judged: sct('30807003', 'Benign') },
  normal: { finding: NORMAL, judged: NORMAL },
};

/** One item of a code sequence. A value over 16 characters is a Long Code Value (PS3.3 8.1). */
export function codeItem({ value, scheme, meaning }: Code): DataSet {
  const short = oneLine(value);
  return {
    ...(short.length <= 16 ? { CodeValue: short } : { LongCodeValue: short }),
    CodingSchemeDesignator: scheme,
    CodeMeaning: oneLine(meaning).slice(0, 64),
  };
}

/** LO and SH hold no backslash, which would part values, and no control characters (PS3.5 6.2). */
export function oneLine(text: string): string {
  return text.replace(/[\\\p{Cc}]+/gu, ' ').trim();
}
