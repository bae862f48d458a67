import { auditContract } from './audit.contract.ts';
import { createFakeAudit } from './fake-audit.ts';

auditContract('in memory', async () => {
  const audit = createFakeAudit();
  return {
    audit,
    read: async () => audit.entries,
    setBroken: async (isBroken) => {
      audit.isBroken = isBroken;
    },
    problems: audit.problems,
    close: async () => {},
  };
});
