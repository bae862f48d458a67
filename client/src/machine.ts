/**
 * The client as a pure machine: `step(state, event) -> { state, effects }`. It decides what is trusted, what is applied and what
 * is fetched; the shell around it owns sockets, files and timers. Spec: docs/protocol.md §6.
 */
import { compareEpochs, HeadwaterError } from '@headwater/schemas/protocol';
import { onDocument, onSchema } from './machine-documents.ts';
import { onConnected, onDisconnected, onFetchTimer, startFetch } from './machine-fetch.ts';
import { onKeys } from './machine-keys.ts';
import type { MachineDeps, MachineEvent, MachineState, Status, TopicKind } from './machine-state.ts';
import { judgeStatement, onStatement } from './machine-statements.ts';
import {
  isRevokedDocument,
  reachedEpoch,
  refuse,
  type Step,
  type StepResult,
  startStep,
} from './machine-step.ts';
import { noMarks } from './trust.ts';

/** What a process starts with; everything else follows. */
export type StartState = Partial<
  Pick<MachineState, 'keyring' | 'marks' | 'held' | 'schema' | 'removed' | 'isUnsealed'>
>;

export function initialState(start: StartState = {}): MachineState {
  const state: MachineState = {
    keyring: null,
    marks: noMarks,
    held: null,
    schema: null,
    nextSchema: null,
    removed: null,
    rejections: [],
    isRejected: false,
    isConfirmed: false,
    isUnsealed: false,
    isConnected: false,
    isBehind: false,
    statement: null,
    statementsHere: 0,
    settlesNext: false,
    freshUntil: null,
    // [protocol §6.3] at process start the snapshot topic is read once
    fetch: startFetch,
    pending: new Map(),
    status: { state: 'defaults', reason: null },
    ...start,
  };
  return { ...state, status: statusOf(state, 0) };
}

/** @param now Monotonic milliseconds. */
export function step(state: MachineState, event: MachineEvent, now: number, deps: MachineDeps): StepResult {
  const run = startStep(state, now, deps);
  switch (event.type) {
    case 'connected':
      onConnected(run);
      break;
    case 'disconnected':
      onDisconnected(run);
      break;
    case 'timer':
      if (event.name === 'fetch') onFetchTimer(run);
      break;
    case 'message':
      run.effects.push({ type: 'count', name: 'messages' });
      receive(run, event.topic, event.bytes);
  }
  finish(run);
  run.state.status = statusOf(run.state, now);
  return { state: run.state, effects: run.effects };
}

/** What became possible in this step: diffs on top of the snapshot that came, then what the newest statement still misses. */
function finish(run: Step): void {
  for (;;) {
    const diff = run.replay.shift();
    if (diff) {
      const position = reachedEpoch(run);
      run.isReplaying = true;
      if (position === null || compareEpochs(diff.epoch, position) > 0) receive(run, 'diff', diff.bytes);
      continue;
    }
    if (run.surveyMs === null) return;
    const surveyMs = run.surveyMs;
    run.surveyMs = null;
    judgeStatement(run, surveyMs);
  }
}

/** Judges one message. Whatever is wrong with it becomes a refusal; nothing escapes. */
function receive(run: Step, topic: TopicKind, bytes: Uint8Array): void {
  try {
    if (topic === 'keys') rejudge(run, onKeys(run, bytes));
    else if (run.state.keyring === null) setAside(run, topic, bytes);
    else if (topic === 'epoch') onStatement(run, bytes);
    else if (topic === 'schema') onSchema(run, bytes);
    else onDocument(run, topic, bytes);
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    if (error.code === 'HW_SIGNER_UNKNOWN' && topic !== 'keys') setAside(run, topic, bytes);
    else refuse(run, topic, error);
  }
}

/** [protocol §6.3] a signer not known yet may be in a newer key list that is still on its way */
function setAside(run: Step, topic: TopicKind, bytes: Uint8Array): void {
  run.state.pending = new Map(run.state.pending).set(topic, new Uint8Array(bytes));
  run.effects.push({ type: 'count', name: 'setAside' });
}

/** Statements last: they say what is missing of the rest. */
const rejudgeOrder = ['schema', 'snapshot', 'diff', 'epoch'] as const;

function rejudge(run: Step, moved: boolean): void {
  if (!moved) return;
  const { pending } = run.state;
  run.state.pending = new Map();
  for (const topic of rejudgeOrder) {
    const bytes = pending.get(topic);
    if (bytes) receive(run, topic, bytes);
  }
}

function statusOf(state: MachineState, now: number): Status {
  const { held } = state;
  if (state.removed) return { state: 'removed', reason: null };
  if (state.isRejected) return { state: 'rejected', reason: 'HW_CONFIG_REJECTED' };
  if (held === null) return { state: 'defaults', reason: null };
  if (state.isBehind) return { state: 'stale', reason: 'behind' };
  const secrets = held.opened.state === 'unavailable' ? 'secrets-unavailable' : null;
  const revoked = isRevokedDocument(state, held) ? 'signer-revoked' : null;
  if (!state.isConfirmed)
    return { state: 'lkg', reason: revoked ?? (state.isUnsealed ? 'cache-unsealed' : secrets) };
  if (state.freshUntil === null || now >= state.freshUntil) return { state: 'stale', reason: 'no-statement' };
  return { state: 'live', reason: revoked ?? secrets };
}
