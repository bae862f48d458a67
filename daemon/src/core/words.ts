/** Names of settings as words: `vad_threshold`, `maxRetries`, `MQTT_URL` and `mqttURL2` alike. */

export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

/** `vad_threshold` -> "Vad threshold"; words in capitals stay ("mqttURL" -> "Mqtt URL") unless all of them are. */
export function titleOf(name: string): string {
  const words = wordsOf(name);
  const shouting = words.every((word) => word === word.toUpperCase());
  const lower = words.map((word) => (shouting || !/^[A-Z0-9]{2,}$/.test(word) ? word.toLowerCase() : word));
  const text = lower.join(' ');
  return text === '' ? name : text.charAt(0).toUpperCase() + text.slice(1);
}

/** `stt-worker` -> "SttWorker", a name for a type. */
export function pascalCase(name: string): string {
  const text = wordsOf(name)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join('');
  return /^\p{L}/u.test(text) ? text : `Service${text}`;
}
