import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { ajv, defaultsOf, judge, type Setting, schemas } from './testing/judge.ts';

/** Settings that people of the original system know by these names; none may be lost or renamed. */
const known: Readonly<Record<string, string>> = {
  'stt-worker': `whisper_model stt_backend ws_url streaming_partials vad_threshold vad_speech_pad_ms
    vad_silence_duration_ms sample_rate channels`,
  'tts-worker': `piper_voice tts_provider tts_streaming tts_pipeline tts_simpleaudio tts_concurrency
    tts_aggregate_by_utt tts_aggregate_timeout_sec tts_aggregate tts_aggregate_debounce_ms tts_aggregate_single_wav
    tts_wake_cache_enable tts_wake_cache_dir tts_wake_cache_max volume_percent eleven_api_base eleven_api_key
    eleven_voice_id eleven_model_id eleven_optimize_streaming`,
  router: `router_llm_tts_stream router_stream_min_chars router_stream_max_chars router_stream_boundary_only
    router_stream_boundary_regex router_wake_window_sec router_wake_ack_enabled router_wake_ack_text
    router_wake_ack_choices router_live_mode_default router_live_mode_enter_phrase router_live_mode_exit_phrase`,
  'llm-worker': 'llm_provider openai_api_key openai_model rag_enabled llm_timeout_sec',
  'memory-worker': `memory_dir memory_file character_name character_dir embed_model rag_strategy memory_top_k`,
  'wake-activation': `wake_model_path wake_detection_threshold wake_min_retrigger_sec wake_speex_noise_suppression
    wake_vad_threshold wake_energy_boost_factor`,
};

/** Settings that the workers of the original read from their environment, and that no model described. */
const formerlyHidden: Readonly<Record<string, string>> = {
  'stt-worker': `silence_threshold_ms chunk_duration_ms vad_aggressiveness post_publish_cooldown_ms unmute_guard_ms
    echo_suppress_match tts_base_mute_ms tts_per_char_ms tts_max_mute_ms noise_min_duration_ms noise_min_rms
    no_speech_max avg_logprob_min dict_match_min_ratio repeat_cooldown_sec partial_interval_ms partial_min_chars
    fft_publish fft_rate_hz fft_bins preprocess_enable openai_stt_model openai_timeout_s`,
  'llm-worker': `max_tokens temperature top_p top_k ctx_window device openai_base_url gemini_api_key
    dashscope_api_key server_url rag_top_k rag_max_tokens rag_context_window rag_cache_ttl rag_prompt_template
    tool_calling_enabled stream_min_chars stream_max_chars`,
  router: `router_online_announce router_online_text router_wake_phrases router_wake_ack_style
    router_stream_hard_max_chars router_queue_maxsize router_queue_overflow router_handler_timeout_sec
    router_live_mode_enter_text router_live_mode_exit_text`,
  'wake-activation': `wake_interrupt_window_sec wake_idle_timeout_sec wake_detection_window_ms
    wake_health_interval_sec wake_low_energy_threshold_factor wake_wait_for_stt_health wake_stt_health_timeout_sec
    wake_use_npu wake_npu_core_mask`,
  camera: `device_index width height fps quality rotation timeout_ms retry_attempts mqtt_rate http_port enabled`,
};

const words = (text: string | undefined) => (text ?? '').split(/\s+/).filter((word) => word !== '');
const services = [...schemas.keys()];
const all: [service: string, name: string, setting: Setting][] = services.flatMap((service) =>
  Object.entries(schemas.get(service)!.properties).map(
    ([name, setting]) => [service, name, setting] as never,
  ),
);
const isSecret = (setting: Setting) => setting['x-hw'].secret === true;

describe('the catalogue of settings', () => {
  test('describes the seven services of the robot', () => {
    expect(services.toSorted()).toEqual([
      'camera',
      'llm-worker',
      'memory-worker',
      'router',
      'stt-worker',
      'tts-worker',
      'wake-activation',
    ]);
  });

  test.each(services)('%s keeps every setting people know by name', (service) => {
    const names = Object.keys(schemas.get(service)!.properties);
    expect(names).toEqual(
      expect.arrayContaining([...words(known[service]), ...words(formerlyHidden[service])]),
    );
  });

  test('has the 59 settings of the original and more than 120 in all', () => {
    expect(Object.values(known).flatMap(words)).toHaveLength(59);
    expect(all.length).toBeGreaterThanOrEqual(120);
  });

  test('shows a beginner about twenty of them', () => {
    const simple = all.filter(([, , setting]) => setting['x-hw'].level === 'simple');
    expect(simple.length).toBeGreaterThanOrEqual(18);
    expect(simple.length).toBeLessThanOrEqual(25);
  });

  test('applies at least half of them without a restart', () => {
    const hot = all.filter(([, , setting]) => setting['x-hw'].apply === 'hot');
    expect(hot.length / all.length).toBeGreaterThanOrEqual(0.5);
  });

  test('gives every setting an environment variable of its own', () => {
    const variables = all.map(([, , setting]) => setting['x-hw'].env);
    expect(variables.filter((name, at) => variables.indexOf(name) !== at)).toEqual([]);
    for (const [, name, setting] of all) {
      expect(setting['x-hw'].env).toMatch(/^[A-Z][A-Z0-9_]*$/);
      expect(setting['x-hw'].env?.endsWith(name.toUpperCase())).toBe(true);
    }
  });

  test('relates settings only to settings that exist', () => {
    const addresses = new Set(all.map(([service, name]) => `${service}#/${name}`));
    const related = all.flatMap(([, , setting]) => setting['x-hw'].relates ?? []);
    expect(related.filter((address) => !addresses.has(address))).toEqual([]);
  });
});

describe.each(services)('the schema of %s', (service) => {
  const schema = schemas.get(service)!;
  const settings = Object.entries(schema.properties);

  test('compiles strictly, refuses unknown settings, and says who owns it', () => {
    expect(() => ajv.getSchema(schema.$id) ?? ajv.compile(schema)).not.toThrow();
    expect(schema.additionalProperties).toBe(false);
    expect(schema['x-hw'].owner).not.toBe('');
    expect(schema['x-hw'].dependsOn.filter((name) => !schemas.has(name) || name === service)).toEqual([]);
  });

  test.each(settings)('%s explains itself', (_, setting) => {
    expect(setting.title).toMatch(/\S/);
    expect(setting.description).toMatch(/\.$/);
    expect(setting['x-hw'].help).toMatch(/\.$/);
    expect(setting['x-hw'].level).toMatch(/^(simple|advanced)$/);
    expect(setting['x-hw'].apply).toMatch(/^(hot|restart)$/);
    expect(setting['x-hw'].group).toMatch(/\S/);
  });

  test('orders its settings without ties', () => {
    const orders = settings.map(([, setting]) => setting['x-hw'].order);
    expect(new Set(orders).size).toBe(settings.length);
  });

  test('has a valid default for each setting, and none for secrets', () => {
    for (const [name, setting] of settings) {
      expect('default' in setting, name).toBe(!isSecret(setting));
      if (isSecret(setting)) expect(setting.type, name).toBe('string');
      else expect(ajv.validate(setting, setting.default), name).toBe(true);
    }
    expect(judge(service, defaultsOf(service))).toEqual([]);
  });

  test('names a unit for whatever counts time, and only rules about numbers it has', () => {
    const timed = settings.filter(([name]) => /_(ms|sec|s)$/.test(name));
    for (const [name, setting] of timed)
      expect(setting['x-hw'].unit, name).toBe(name.endsWith('_ms') ? 'ms' : 's');
    for (const pointer of (schema['x-hw'].rules ?? []).flatMap((rule) => rule.le)) {
      expect(['integer', 'number']).toContain(schema.properties[pointer.slice(1)]?.type);
    }
  });

  test('uses only patterns that run in linear time', () => {
    const patterns = [...JSON.stringify(schema).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)];
    for (const [, pattern] of patterns)
      expect(() => RE2JS.compile(JSON.parse(pattern!) as string)).not.toThrow();
  });

  test('takes broker and log level from the shared file', () => {
    for (const name of ['log_level', 'broker_host', 'broker_port']) {
      expect(schema.properties[name]?.['x-hw'].shared, name).toBe(true);
    }
  });
});
