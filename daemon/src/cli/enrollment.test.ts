import { describe, expect, test } from 'vitest';
import { changeRecipients, identityFileText, makeIdentity, recipientOf } from './enrollment.ts';

const key = (letter: string) => `age1${letter.repeat(58)}`;

describe('the recipients file', () => {
  test('gains a key below what stands there, comments and all', () => {
    const before = `# operators\n${key('q')}\n\n# spare\n${key('p')}`;
    expect(changeRecipients({ before, add: key('z'), replace: null, label: 'new' })).toBe(
      `${before}\n# new\n${key('z')}\n`,
    );
    expect(changeRecipients({ before: '', add: key('z'), replace: null, label: 'new' })).toBe(
      `# new\n${key('z')}\n`,
    );
  });

  test('loses only the replaced key and its own comment', () => {
    const before = `# operators\n${key('q')}\n# old\n${key('p')}\n# after\n${key('r')}\n`;
    expect(changeRecipients({ before, add: key('z'), replace: key('p'), label: 'new' })).toBe(
      `# operators\n${key('q')}\n# after\n${key('r')}\n# new\n${key('z')}\n`,
    );
  });

  test('does not change when the key is there already', () => {
    const before = `${key('z')}\n`;
    expect(changeRecipients({ before, add: key('z'), replace: null, label: 'new' })).toBe(before);
  });
});

test('an identity file gives its public key back, and a file without one gives none', async () => {
  const made = await makeIdentity();
  const text = identityFileText(made, new Date(0));
  expect(text).toContain(`# public key: ${made.recipient}\n`);
  expect(await recipientOf(text)).toBe(made.recipient);
  expect(await recipientOf('# nothing\n')).toBeNull();
});
