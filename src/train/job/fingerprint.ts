/** What a run is made of, as its checkpoints remember it: settings that change its numbers, hashes of what it reads. */
/** Settings that change no number of the training itself. */
const harmless = new Set([
  "output",
  "resume",
  "logging_steps",
  "save_steps",
  "save_total_limit",
  "threads",
  "memory_limit",
  "cache_dir",
  "log_completions",
  // Their hashes stand for them.
  "model",
  "data",
  "eval_data",
  "reward",
  "held_out_reward",
  "guard",
  "guard_ensemble",
  "guard_prompts",
  "guard_samples",
  "guard_every",
  "guard_patience",
  "critic_model",
  "value_head",
  "ptx_data",
  // How long a reward is waited for, and when a run gives up: what it learned until then is the same.
  "reward_timeout",
  "reward_retries",
  "stop_kl",
  "stop_entropy",
  // When a run ends and which of its checkpoints is taken; the steps themselves are the same.
  "early_stopping_patience",
  "load_best_model_at_end",
]);

/** One entry a setting, so that a refusal names what differs; then the hashes. */
export function fingerprintOf(
  resolved: Readonly<Record<string, unknown>>,
  hashes: Readonly<Record<string, string>>,
): Record<string, string> {
  const settings = Object.entries(resolved).filter(
    ([name, value]) => value !== undefined && !harmless.has(name),
  );
  return { ...Object.fromEntries(settings.map(([name, value]) => [name, JSON.stringify(value)])), ...hashes };
}
