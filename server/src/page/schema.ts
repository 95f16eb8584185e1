import { NOTICE, PIXELS_HEADER, jsonSchema, pixelsSchema } from '@hilum/wire';
import type { FastifySchema } from 'fastify';
import { routeSchemas } from '../openapi.ts';

const binary = { schema: { type: 'string', format: 'binary' } };
const { 200: _, ...refusals } = routeSchemas.classify.response;

export const pixelsRouteSchema = {
  tags: ['classify'],
  summary: 'The pixels of one image, decoded',
  description: [
    `For a viewer that cannot read DICOM: Hounsfield units of a CT slice, or the grey levels of a PNG or JPEG, as`,
    `they are before any preprocessing, row by row from the top left. The header \`${PIXELS_HEADER}\` says their`,
    `shape. Nothing of the DICOM header but the pixel spacing comes with them. ${NOTICE}`,
    '',
    '```',
    'curl --data-binary @slice.dcm -D - -o slice.raw http://localhost:8080/v1/pixels',
    '```',
  ].join('\n'),
  body: {
    content: {
      'application/octet-stream': binary,
      'application/dicom': binary,
      'image/png': binary,
      'image/jpeg': binary,
    },
  },
  response: {
    200: {
      description: 'Pixels, little-endian',
      headers: {
        [PIXELS_HEADER]: {
          schema: {
            type: 'string',
            contentMediaType: 'application/json',
            contentSchema: jsonSchema(pixelsSchema),
          },
        },
      },
      content: { 'application/octet-stream': binary },
    },
    ...refusals,
  },
} satisfies FastifySchema;
