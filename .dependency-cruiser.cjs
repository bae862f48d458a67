// Who may import whom. Each rule says why; the picture is in docs/architecture.md.
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle means that two files are one idea, or that one of them knows too much.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'schemas-is-the-contract',
      comment: 'schemas is shared by everybody, so it may know nobody.',
      severity: 'error',
      from: { path: '^schemas/' },
      to: { path: '^(client|daemon|web)/' },
    },
    {
      name: 'protocol-is-browser-safe',
      comment: 'The protocol runs in browsers; only node.ts may touch Node.',
      severity: 'error',
      from: { path: '^schemas/protocol/', pathNot: ['node\\.ts$', '\\.test\\.ts$'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'client-knows-only-mqtt',
      comment: 'A service must not need the daemon code to run.',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(daemon|web)/' },
    },
    {
      name: 'daemon-uses-client-in-cli-only',
      comment: 'The daemon publishes; only commands such as watch subscribe.',
      severity: 'error',
      from: { path: '^daemon/src/', pathNot: '^daemon/src/cli/' },
      to: { path: '^client/' },
    },
    {
      name: 'core-is-pure',
      comment:
        'core takes values and returns values: effects stay outside, so it can be tested with plain data.',
      severity: 'error',
      from: { path: '^daemon/src/core/', pathNot: '\\.test\\.ts$' },
      to: { path: '^daemon/src/(adapters|http|cli|epochs|publishing|pipeline|daemon)' },
    },
    {
      name: 'secrets-files-are-pure',
      comment:
        'Bytes, keys and the time come in, bytes go out: opening a secrets file touches neither disk nor network.',
      severity: 'error',
      from: { path: '^daemon/src/secrets/(age|sops)/', pathNot: ['\\.test\\.ts$', '/testing\\.ts$'] },
      to: {
        path: [
          '^daemon/src/(adapters|assembly|http|cli|editing|epochs|publishing|pipeline|daemon|ports)',
          '^(node:)?(fs|net|http|https|child_process|worker_threads)(/|$)',
        ],
      },
    },
    {
      name: 'core-opens-nothing',
      comment: 'core knows the formats of secrets; whose identity opens a file is decided outside.',
      severity: 'error',
      from: { path: '^daemon/src/core/', pathNot: '\\.test\\.ts$' },
      to: { path: '^daemon/src/secrets/[^/]+\\.ts$' },
    },
    {
      name: 'nobody-imports-the-cli',
      comment: 'cli is the outermost layer.',
      severity: 'error',
      from: { path: '^daemon/src/', pathNot: '^daemon/src/cli/' },
      to: { path: '^daemon/src/cli/' },
    },
    {
      name: 'http-sees-the-view',
      comment:
        'Routes show the daemon through view.ts; they never reach into the pipeline or an adapter of git or MQTT.',
      severity: 'error',
      from: { path: '^daemon/src/http/', pathNot: '\\.test\\.ts$' },
      to: { path: '^daemon/src/(pipeline|daemon|publishing|epochs|adapters/(git|broker))' },
    },
    {
      name: 'web-knows-http-only',
      comment: 'The web editor talks to the daemon over HTTP.',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^(daemon|client)/' },
    },
    {
      name: 'no-test-code-in-products',
      comment: 'Fakes and contract suites stay in tests; the client ships its own fake on purpose.',
      severity: 'error',
      from: {
        path: '^(daemon|schemas)/',
        pathNot: ['\\.test\\.ts$', '/testing/', '/testing\\.ts$', '\\.contract\\.ts$'],
      },
      to: { path: ['^daemon/src/testing/', '/testing\\.ts$', '\\.test\\.ts$'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/dist/', 'node_modules'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tests/tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['headwater-source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
