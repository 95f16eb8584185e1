/*
 * Body Part Examined (0018,0015) is a free word in practice: "TH CT CHEST WO C". So single words are looked for, those of
 * PS3.16 Annex L and their usual spellings.
 */

/** One of these anywhere: lungs may well be in view. */
const CHEST =
  /CHEST|THORA|TORAX|TORAC|LUNG|PULM|HEART|CARD|CORON|MEDIAST|BREAST|RIB|STERN|TSPINE|WHOLE|BODY|TRUNK/;

const FOREIGN: Readonly<Record<string, string>> = {
  HEAD:
    'HEAD BRAIN SKULL CRANIUM CEREBRUM CEREBELLUM FACE ORBIT ORBITS EYE EYES SINUS SINUSES PARANASAL NOSE EAR EARS IAC ' +
    'MASTOID JAW MANDIBLE MAXILLA TMJ TEETH DENTAL HEADNECK',
  NECK: 'NECK CSPINE CERVICAL LARYNX PHARYNX THYROID CAROTID',
  ABDOMEN:
    'ABDOMEN ABD ABDO ABDOMENPELVIS ABDPELVIS LIVER KIDNEY KIDNEYS PANCREAS SPLEEN STOMACH COLON BOWEL GALLBLADDER ' +
    'LSPINE LUMBAR',
  PELVIS: 'PELVIS PELVIC HIP HIPS BLADDER PROSTATE UTERUS RECTUM SACRUM COCCYX SSPINE',
  EXTREMITY:
    'EXTREMITY EXTREMITIES ARM HUMERUS ELBOW FOREARM WRIST HAND FINGER THUMB LEG THIGH FEMUR KNEE PATELLA CALF TIBIA ' +
    'FIBULA ANKLE FOOT CALCANEUS TOE',
};

/**
 * The region of our own table that a header's body part names, where it clearly is another than the chest. Undefined
 * where it is absent, unknown, or names the chest beside others.
 */
export function foreignBodyPart(bodyPart: string | undefined): string | undefined {
  const text = bodyPart?.toUpperCase() ?? '';
  if (CHEST.test(text)) return undefined;
  const words = new Set(text.split(/[^A-Z]+/));
  return Object.entries(FOREIGN).find(([, names]) => names.split(' ').some((name) => words.has(name)))?.[0];
}
