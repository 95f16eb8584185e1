export { CONTRADICTIONS, type Contradiction } from '../oip/clauses.ts';
export { type Finding } from '../oip/check.ts';
export { runConformance, type ConformanceOptions, type ConformanceReport } from '../oip/suite.ts';
export { conformanceText } from '../oip/text.ts';
