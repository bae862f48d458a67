/** `.sops.yaml` of a new config repository. Daemon, commands and the ordinary `sops` command read the same rules. */

export const creationRulesPath = '.sops.yaml';

/** @param recipients age public keys that every secrets file is encrypted for; with none there is no rule yet. */
export function creationRules(recipients: readonly string[]): string {
  return recipients.length === 0 ? `${head}${noRules}` : `${head}${rules(recipients)}`;
}

const head = `# Who can open the secrets files of this repository. The daemon must be among them: it seals every secret anew for the
# service that needs it. Add the public keys of people who shall edit secrets with sops. Only public keys stand here.
`;

const noRules = `# There is no rule yet: \`headwater keys show\` prints the public key of your daemon. A first rule:
#   - path_regex: ^services/.+/secrets(\\.[a-z0-9-]+)?\\.json$
#     age: age1…
creation_rules: []
`;

const rules = (recipients: readonly string[]) => `creation_rules:
  - path_regex: ^services/.+/secrets(\\.[a-z0-9-]+)?\\.json$
    age: ${recipients.join(',')}
`;
