import { HEATMAP_HEADER, NOTICE, explanationSchema, heatmapSchema, jsonSchema } from '@hilum/wire';
import type { FastifySchema } from 'fastify';
import { DICOM_PARTS_TYPE, DICOM_TYPE, JSON_TYPE } from '../http/accept.ts';
import { routeSchemas } from '../openapi.ts';
import { askSchema } from './ask.ts';
import { PNG_TYPE, TENSOR_TYPE } from './forms.ts';

const binary = { schema: { type: 'string', format: 'binary' } };
const { 200: _, ...refusals } = routeSchemas.classify.response;

export const explainRouteSchema = {
  tags: ['classify'],
  summary: 'Where in a chest CT image the answer comes from',
  description: [
    `Takes what /v1/classify takes. Of a series the slice that decided is explained.`,
    '',
    `Grad-CAM of the network's deepest maps, of the same pass that gives the answer: a map of the places that speak`,
    `for a label. It shows what the network went by, not where a tumour is. ${NOTICE}`,
    '',
    '```',
    'curl --data-binary @slice.dcm -o heat.png http://localhost:8080/v1/explain',
    "curl --data-binary @slice.dcm -H 'accept: application/json' 'http://localhost:8080/v1/explain?label=benign'",
    "curl --data-binary @slice.dcm -H 'accept: application/dicom' -o heat.dcm http://localhost:8080/v1/explain",
    'curl --data-binary @series.zip -o heat.png http://localhost:8080/v1/explain',
    '```',
  ].join('\n'),
  querystring: jsonSchema(askSchema),
  body: routeSchemas.classify.body,
  response: {
    200: {
      description:
        'By the Accept header, a PNG by default; of a DICOM slice also a Secondary Capture of its study',
      headers: {
        [HEATMAP_HEADER]: {
          description: `Beside ${TENSOR_TYPE}, whose body is the map, little-endian float32`,
          schema: {
            type: 'string',
            contentMediaType: JSON_TYPE,
            contentSchema: jsonSchema(heatmapSchema),
          },
        },
      },
      content: {
        [PNG_TYPE]: binary,
        [JSON_TYPE]: { schema: jsonSchema(explanationSchema) },
        [TENSOR_TYPE]: binary,
        [DICOM_TYPE]: binary,
        [DICOM_PARTS_TYPE]: binary,
      },
    },
    ...refusals,
  },
} satisfies FastifySchema;
