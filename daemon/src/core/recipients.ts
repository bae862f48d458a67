/** age public keys of a recipients file (`age -R` format): one a line; blank lines and `#` comments are skipped. */
export function parseRecipients(text: string): {
  readonly recipients: readonly string[];
  /** Lines (from 1) that are neither. */
  readonly badLines: readonly number[];
} {
  const recipients = new Set<string>();
  const badLines: number[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (ageRecipient.test(line)) recipients.add(line);
    else badLines.push(index + 1);
  }
  return { recipients: [...recipients], badLines };
}

/** Bech32 of an X25519 public key. */
const ageRecipient = /^age1[ac-hj-np-z02-9]{58}$/;

/** The file without a key, and without the comment right above it: that one is about the key. Other comments stay. */
export function withoutRecipient(text: string, key: string): string {
  const lines = text.split('\n');
  const kept = lines.filter((line, i) => {
    const isLabel = line.startsWith('# ') && lines[i + 1]?.trim() === key;
    return line.trim() !== key && !isLabel;
  });
  return kept.join('\n');
}
