import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { defaultsOf, judge } from './testing/judge.ts';

describe('bad values are refused', () => {
  const refused: [what: string, service: string, change: object, where: RegExp][] = [
    ['a threshold above 1', 'stt-worker', { vad_threshold: 1.5 }, /^\/vad_threshold maximum/],
    ['a number written as text', 'stt-worker', { vad_threshold: '0.5' }, /^\/vad_threshold type/],
    ['an unknown model', 'stt-worker', { whisper_model: 'huge' }, /^\/whisper_model enum/],
    ['a misspelt setting', 'stt-worker', { vad_treshold: 0.5 }, /additionalProperties.*vad_treshold/],
    ['a remote recogniser without an address', 'stt-worker', { stt_backend: 'ws' }, /^\/ws_url type/],
    [
      'an address that is no socket',
      'stt-worker',
      { stt_backend: 'ws', ws_url: 'http://stt' },
      /^\/ws_url pattern/,
    ],
    ['a socket without a host', 'stt-worker', { ws_url: 'ws:///stream' }, /^\/ws_url pattern/],
    ['a password inside an address', 'stt-worker', { ws_url: 'ws://me:pw@stt' }, /^\/ws_url pattern/],
    [
      'a shortest mute above the longest',
      'stt-worker',
      { tts_base_mute_ms: 9000, tts_max_mute_ms: 8000 },
      /mute/,
    ],
    ['a segment pause above the utterance pause', 'stt-worker', { vad_silence_duration_ms: 900 }, /pause/],
    [
      'a cloud voice without its id',
      'tts-worker',
      { tts_provider: 'elevenlabs' },
      /^\/eleven_voice_id minLength/,
    ],
    [
      'a relative cache folder',
      'tts-worker',
      { tts_wake_cache_dir: 'data/cache' },
      /^\/tts_wake_cache_dir pattern/,
    ],
    ['a minimum above the maximum', 'router', { router_stream_min_chars: 300 }, /shortest part/],
    ['a maximum above the hard maximum', 'router', { router_stream_hard_max_chars: 100 }, /absolute longest/],
    [
      'a look-around',
      'router',
      { router_stream_boundary_regex: '(?<=[.!?])\\s' },
      /^\/router_stream_boundary_regex not/,
    ],
    [
      'an empty reply among the choices',
      'router',
      { router_wake_ack_choices: 'Hm?||Yes?' },
      /choices pattern/,
    ],
    ['an overflow policy that nobody has', 'router', { router_queue_overflow: 'ignore' }, /enum/],
    ['a provider without a model', 'llm-worker', { llm_provider: 'gemini' }, /^\/llm_model type/],
    [
      'a local model without a server',
      'llm-worker',
      { llm_provider: 'local', llm_model: 'q' },
      /^\/server_url type/,
    ],
    [
      'a prompt that loses the memories',
      'llm-worker',
      { rag_prompt_template: 'Answer {query}' },
      /template pattern/,
    ],
    ['a piece longer than allowed', 'llm-worker', { stream_min_chars: 400 }, /shortest piece/],
    ['an answer that does not fit', 'llm-worker', { max_tokens: 9000 }, /context window/],
    [
      'a memory file that leaves its folder',
      'memory-worker',
      { memory_file: '..' },
      /^\/memory_file pattern/,
    ],
    ['a rotation between two sides', 'camera', { rotation: 45 }, /^\/rotation enum/],
    ['more pictures sent than taken', 'camera', { fps: 1 }, /cannot be sent/],
  ];
  test.each(refused)('%s in %s', (_, service, change, where) => {
    expect(judge(service, { ...defaultsOf(service), ...change }).join('\n')).toMatch(where);
  });

  const accepted: [what: string, service: string, change: object][] = [
    [
      'a remote recogniser',
      'stt-worker',
      { stt_backend: 'ws', ws_url: 'wss://stt.local:9000/stream?lang=en' },
    ],
    ['a cloud voice', 'tts-worker', { tts_provider: 'elevenlabs', eleven_voice_id: 'pNInz6obpgDQGcFmaJgB' }],
    [
      'a local model',
      'llm-worker',
      { llm_provider: 'ollama', llm_model: 'm', server_url: 'http://gpu:11434' },
    ],
    ['equal minimum and maximum', 'router', { router_stream_min_chars: 200 }],
    ['no choices of replies', 'router', { router_wake_ack_choices: '' }],
  ];
  test.each(accepted)('but %s in %s is fine', (_, service, change) => {
    expect(judge(service, { ...defaultsOf(service), ...change })).toEqual([]);
  });
});

describe('the default sentence boundary', () => {
  const boundary = RE2JS.compile(String(defaultsOf('router').router_stream_boundary_regex));
  const cuts = (text: string) => boundary.split(text).map(String);

  test('cuts after a sentence, with its quote or bracket', () => {
    expect(cuts('Hello there. How')).toEqual(['Hello there', 'How']);
    expect(cuts('“Really?” she said… (Yes!) Go')).toHaveLength(4);
  });

  test('does not cut inside a number, an address or an unfinished text', () => {
    for (const text of ['3.5 volts', 'see example.org/a now', 'The end is near.']) {
      expect(boundary.matcher(text).find()).toBe(false);
    }
  });
});
