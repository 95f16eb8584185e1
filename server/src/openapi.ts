/** The OpenAPI 3.1 document, from the schemas of the wire. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { ERROR_CODES } from './errors.ts';
import {
  NOTICE,
  classificationSchema,
  jsonSchema,
  liveSchema,
  notReadySchema,
  problemSchema,
  readySchema,
} from '@hilum/wire';

export function openapi(): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hilum',
        version: '1',
        description: `Lung-tumour classification of chest CT images. **${NOTICE}**`,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'classify', description: 'One image or one series in, one answer out' },
        { name: 'infer', description: 'Tensors in, the words of the network out: Open Inference Protocol 2' },
        { name: 'scoring', description: 'As MLflow serves models' },
        { name: 'operate', description: 'Health and metrics' },
      ],
    },
  };
}

const binary = { schema: { type: 'string', format: 'binary' } };
const problem = { content: { 'application/problem+json': { schema: jsonSchema(problemSchema) } } };

export const routeSchemas = {
  classify: {
    tags: ['classify'],
    summary: 'Classify one chest CT image, or one series',
    description: [
      `A DICOM CT slice, a PNG or a JPEG: the bytes as the body, or one file of a form. A series: several DICOM files`,
      `of a form, or a zip of them. What it is is recognised from the bytes. ${NOTICE}`,
      '',
      '```',
      'curl --data-binary @slice.dcm http://localhost:8080/v1/classify',
      'curl -F file=@1.dcm -F file=@2.dcm http://localhost:8080/v1/classify',
      'curl -H content-type:application/zip --data-binary @series.zip http://localhost:8080/v1/classify',
      'curl -H accept:application/dicom --data-binary @slice.dcm -o report.dcm http://localhost:8080/v1/classify',
      '```',
    ].join('\n'),
    body: {
      content: {
        'application/octet-stream': binary,
        'application/dicom': binary,
        'image/png': binary,
        'image/jpeg': binary,
        'application/zip': binary,
        'multipart/form-data': {
          schema: {
            type: 'object',
            properties: { file: { type: 'array', items: { type: 'string', format: 'binary' }, minItems: 1 } },
            required: ['file'],
          },
        },
      },
    },
    response: {
      200: {
        description: 'The answer; of DICOM also as a structured report, by Accept',
        content: {
          'application/json': { schema: jsonSchema(classificationSchema) },
          'application/dicom': binary,
          'multipart/related': binary,
        },
      },
      ...errorResponses(),
    },
  },
  live: {
    tags: ['operate'],
    summary: 'Is the process alive',
    response: { 200: jsonSchema(liveSchema) },
  },
  ready: {
    tags: ['operate'],
    summary: 'Is the model verified and warm',
    response: {
      200: jsonSchema(readySchema),
      503: {
        description: 'Images are not answered yet, and why',
        content: { 'application/problem+json': { schema: jsonSchema(notReadySchema) } },
      },
    },
  },
  metrics: {
    tags: ['operate'],
    summary: 'Prometheus metrics',
    response: {
      200: {
        description: 'Text exposition format',
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
    },
  },
} satisfies Record<string, FastifySchema>;

/** The statuses of the table of errors, each with the codes that carry it. */
function errorResponses(): Record<string, object> {
  const byStatus = new Map<number, string[]>();
  for (const [code, { status }] of Object.entries(ERROR_CODES)) {
    // 404, 405 belong to other addresses, 499 is never sent: its client is gone.
    if ([404, 405, 499].includes(status)) continue;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      { description: codes.toSorted().join(', '), ...problem },
    ]),
  );
}
