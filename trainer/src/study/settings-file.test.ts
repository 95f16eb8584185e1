/** What a space or a list of candidates may say, and how a mistake in it is named. */
import type { Parameters } from '@hilum/search';
import { describe, expect, it } from 'vitest';
import { someSettings } from '../../test/settings.ts';
import { TrainerError } from '../errors.ts';
import { parseCandidates, parseSpace, readSpace } from './settings-file.ts';
import { applyParameters, contradiction, VARIABLES } from './variables.ts';

const space = `
- name: hyperparameters.learningRate
  type: double
  min: 1e-4
  max: 1e-2
  scale: log
- { name: model.headUnits, type: int, min: 0, max: 256, step: 64 }
- name: model.taps
  type: choice
  values:
    - [block1_conv2, block2_conv2]
    - [block5_pool]
`;

describe('a space', () => {
  it('is a list of parameters, in YAML', () => {
    expect(parseSpace(space, 'space.yaml')).toEqual([
      { name: 'hyperparameters.learningRate', type: 'double', min: 1e-4, max: 1e-2, scale: 'log' },
      { name: 'model.headUnits', type: 'int', min: 0, max: 256, step: 64 },
      { name: 'model.taps', type: 'choice', values: ['block1_conv2,block2_conv2', 'block5_pool'] },
    ]);
  });

  it('may be JSON', () => {
    const json = '[{"name": "model.views", "type": "choice", "values": [1, 4]}]';
    expect(parseSpace(json, 'space.json')).toEqual([{ name: 'model.views', type: 'choice', values: [1, 4] }]);
  });

  it.for([
    {
      when: 'nobody knows the name',
      given: '- {name: model.droput, type: double, min: 0, max: 0.5}',
      want: 'line 1, [0].name: model.droput cannot be varied; these can: preprocessing.inputSize, model.trainableFrom',
    },
    {
      when: 'the seed would be chosen by its luck',
      given: '- {name: hyperparameters.seed, type: int, min: 0, max: 9}',
      want: 'hyperparameters.seed cannot be varied',
    },
    {
      when: 'a bound lies outside of what a run may have',
      given: '- name: model.dropout\n  type: double\n  min: 0.1\n  max: 1.0',
      want: 'line 4, [0].max: model.dropout is a number from 0 and below 1',
    },
    {
      when: 'a whole number is searched among fractions',
      given: '- {name: model.headUnits, type: double, min: 0, max: 9}',
      want: 'model.headUnits is a whole number: type is int',
    },
    {
      when: 'words are searched as numbers',
      given: '- {name: model.pooling, type: int, min: 0, max: 1}',
      want: 'model.pooling has no order: type is choice',
    },
    {
      when: 'a value is none of the words',
      given: '- name: model.taps\n  type: choice\n  values:\n    - [block5_pool]\n    - [block9_pool]',
      want: 'line 5, [0].values[1]: model.taps is a list of some of block1_conv1',
    },
    {
      when: 'a field is missing',
      given: '\n- name: model.l2\n  type: double\n  min: 0',
      want: 'line 2, [0].max:',
    },
    {
      when: 'a field has a slip of the pen',
      given: '- {name: model.l2, type: double, min: 0, max: 1, sclae: log}',
      want: 'Unrecognized key: "sclae"',
    },
    {
      when: 'the logarithm has no beginning',
      given: '- {name: model.l2, type: double, min: 0, max: 1, scale: log}',
      want: 'a logarithmic scale needs min above 0: model.l2',
    },
    {
      when: 'a name comes twice',
      given:
        '- {name: model.views, type: choice, values: [1]}\n- {name: model.views, type: choice, values: [4]}',
      want: 'two parameters have the same name: model.views',
    },
    { when: 'nothing is varied', given: '[]', want: 'at least one parameter is needed' },
    { when: 'it is no YAML', given: '- {name: "model', want: 'line 1' },
    { when: 'it is empty', given: '', want: 'expected array' },
  ])('is refused with the place when $when', ({ given, want }) => {
    expect(refusalOf(() => parseSpace(given, 'space.yaml'))).toContain(want);
  });

  it('names all that is wrong at once', () => {
    const message = refusalOf(() =>
      parseSpace(
        '- {name: a.b, type: double, min: 0, max: 1}\n- {name: model.l2, type: double, min: -1, max: 2}',
        'x',
      ),
    );
    for (const part of ['line 1, [0].name', 'line 2, [1].min', 'line 2, [1].max'])
      expect(message).toContain(part);
  });

  it('that is not there is a mistake in the call', async () => {
    await expect(readSpace('no-such-folder/space.yaml')).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });
});

describe('candidates', () => {
  it('are sets of parameters, named or counted', () => {
    const text =
      '- {name: shallow, model.taps: [block1_conv2, block2_conv2]}\n- {model.headUnits: 0, model.l2: 0.01}';
    expect(parseCandidates(text, 'c.yaml')).toEqual([
      { name: 'shallow', parameters: { 'model.taps': 'block1_conv2,block2_conv2' } },
      { name: '2', parameters: { 'model.headUnits': 0, 'model.l2': 0.01 } },
    ]);
  });

  it('are refused with the place of what cannot be varied, and of a value that cannot be had', () => {
    expect(refusalOf(() => parseCandidates('- {}\n- {model.heads: 2}', 'c.yaml'))).toContain(
      'line 2, [1].model.heads: model.heads cannot be varied',
    );
    expect(refusalOf(() => parseCandidates('- model.views: 2', 'c.yaml'))).toContain(
      'model.views is one of 1, 4',
    );
    expect(refusalOf(() => parseCandidates('- {name: a}\n- {name: a}', 'c.yaml'))).toContain(
      'two candidates have the name a',
    );
  });
});

describe('parameters', () => {
  it('take their places in the settings, and touch nothing else', () => {
    const settings = someSettings();
    const applied = applyParameters(settings, {
      'hyperparameters.learningRate': 0.02,
      'model.taps': 'block1_conv2,block3_conv3',
      'preprocessing.inputSize': 96,
      'augmentation.copies': 3,
    });
    expect(applied).toEqual({
      preprocessing: { ...settings.preprocessing, inputSize: 96 },
      model: { ...settings.model, taps: ['block1_conv2', 'block3_conv3'] },
      hyperparameters: { ...settings.hyperparameters, learningRate: 0.02 },
      augmentation: { ...settings.augmentation, copies: 3 },
    });
    expect(settings).toEqual(someSettings());
  });

  it('that a run cannot have are refused', () => {
    const refused: readonly Parameters[] = [
      { 'model.views': 3 },
      { 'model.view': 1 },
      { 'model.taps': 'block1_conv2,block1_conv2' },
    ];
    for (const given of refused) {
      expect(() => applyParameters(someSettings(), given)).toThrow(RangeError);
    }
  });

  it('can name every setting but the seed and the window', () => {
    const { preprocessing, model, hyperparameters, augmentation } = someSettings();
    const groups = { preprocessing, model, hyperparameters, augmentation };
    const names = Object.entries(groups).flatMap(([group, own]) =>
      Object.keys(own).map((key) => `${group}.${key}`),
    );
    expect(new Set([...Object.keys(VARIABLES), 'hyperparameters.seed', 'preprocessing.window'])).toEqual(
      new Set(names),
    );
  });
});

describe('settings that contradict each other', () => {
  it.for([
    [{}, 'nothing'],
    [{ 'hyperparameters.epochs': 2, 'hyperparameters.warmupEpochs': 2 }, 'warmupEpochs must be below epochs'],
    [{ 'model.trainableFrom': 'block5_conv1' }, 'nothing'],
    [{ 'model.trainableFrom': 'block5_conv1', 'model.views': 4 }, 'views and normalise'],
    [{ 'model.trainableFrom': 'block5_conv1', 'model.normalise': 'quantile' }, 'views and normalise'],
    [
      { 'model.trainableFrom': 'block5_conv1', 'model.taps': 'block4_conv3,block5_pool' },
      'the tap block4_conv3',
    ],
    [{ 'model.trainableFrom': 'block5_conv1', 'model.taps': 'pixels' }, 'the tap pixels'],
  ] as const)('are told from those that go together: %o', ([parameters, want]) => {
    const why = contradiction(applyParameters(someSettings(), parameters));
    expect(why ?? 'nothing').toContain(want);
  });
});

function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof TrainerError && error.code === 'BAD_CONFIG') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}
