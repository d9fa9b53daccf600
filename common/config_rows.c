#include "common/config_table.h"
#include "common/log.h"
#include "common/result.h"

#define ROW(type, key, kind, member, min, max, fallback)                                                                                   \
        {                                                                                                                                  \
                key, &(kind), offsetof(struct type, member), min, max, fallback, NULL                                                      \
        }
#define NAMES(type, key, kind, member, names, fallback)                                                                                    \
        {                                                                                                                                  \
                key, &(kind), offsetof(struct type, member), 0, 0, fallback, names                                                         \
        }

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define LIMITLESS (UINT64_C(1) << 40)

#define RATES(level, index, executions, cpu)                                                                                               \
        ROW(config, "rates." level ".executions_per_hour", config_number, rates[index].executions_per_hour, 0, LIMITLESS, executions),     \
                        ROW(config, "rates." level ".cpu_per_hour", config_duration, rates[index].cpu_ms_per_hour, 0, 1000 * DAY, cpu)

static const struct config_row main_rows[] = {
                ROW(config, "kafka.bootstrap_servers", config_text, kafka_bootstrap_servers, 1, 4096, "127.0.0.1:9092"),
                ROW(config, "kafka.topic_prefix", config_text, kafka_topic_prefix, 1, 64, "brig"),
                ROW(config, "kafka.partitions", config_number, kafka_partitions, 1, 1024, "12"),
                ROW(config, "redis.url", config_text, redis_url, 1, 4096, "redis://127.0.0.1:6379/0"),
                ROW(config, "redis.tag", config_text, redis_tag, 1, 64, "brig"),
                ROW(config, "docker.host", config_text, docker_host, 1, 4096, "unix:///var/run/docker.sock"),
                ROW(config, "dispatcher.id", config_text, dispatcher_id, 0, 128, ""),
                ROW(config, "worker.name", config_text, worker_name, 0, 120, ""),
                ROW(config, "worker.slots", config_number, worker_slots, 1, 256, "8"),
                ROW(config, "worker.warm", config_number, worker_warm, 0, 64, "2"),
                NAMES(config, "worker.risks", config_choices, worker_risks, risk_names, "low medium high"),
                ROW(config, "worker.execution_logs", config_boolean, worker_execution_logs, 0, 0, "false"),
                ROW(config, "worker.runtime_directory", config_text, runtime_directory, 0, 256, ""),
                ROW(config, "jobs.lease", config_duration, lease_ms, 1 * SECOND, 5 * MINUTE, "15s"),
                ROW(config, "jobs.attempts", config_number, attempts_max, 1, 100, "3"),
                ROW(config, "jobs.expires_after", config_duration, expires_default_ms, 1 * SECOND, 30 * DAY, "1h"),
                ROW(config, "jobs.dedupe", config_duration, dedupe_ms, 1 * MINUTE, 30 * DAY, "24h"),
                ROW(config, "logs.directory", config_text, log_directory, 0, 4096, ""),
                NAMES(config, "logs.level", config_choice, log_level, log_level_names, "info"),
                ROW(config, "artifacts.retention", config_duration, artifact_retention_ms, 1 * MINUTE, 3650 * DAY, "30d"),
                ROW(config, "artifacts.total", config_bytes, artifact_total_bytes, 1 * MIB, 1048576 * GIB, "10g"),
                NAMES(config, "risk.default", config_name, default_risk, risk_names, "medium"),
                ROW(config, "trust.initial", config_thousandths, trust.initial, 0, 1000, "0.5"),
                ROW(config, "trust.succeeded", config_thousandths, trust.succeeded, 0, 1000, "0.05"),
                ROW(config, "trust.failed", config_thousandths, trust.failed, 0, 1000, "0.1"),
                ROW(config, "trust.low_at", config_thousandths, trust.low_at, 0, 1001, "0.8"),
                ROW(config, "trust.medium_at", config_thousandths, trust.medium_at, 0, 1001, "0.5"),
                ROW(config, "trust.quarantine.violations", config_number, trust.quarantine_violations, 1, 1000000, "3"),
                ROW(config, "trust.quarantine.window", config_duration, trust.quarantine_window_ms, 1 * SECOND, 365 * DAY, "24h"),
                NAMES(config, "trust.quarantine.classes", config_choices, trust.quarantine_classes, violation_class_names, "attack"),
                RATES("low", RISK_LOW, "500", "1h"),
                RATES("medium", RISK_MEDIUM, "100", "10m"),
                RATES("high", RISK_HIGH, "20", "3m"),
                ROW(config, "rates.global.concurrent", config_number, global_concurrent, 1, 1000000, "50"),
                ROW(config, "rates.global.executions_per_hour", config_number, global_executions_per_hour, 1, LIMITLESS, "1000"),
                ROW(config, "rates.agent.unfinished", config_number, agent_unfinished_max, 1, 60000, "1000"),
                ROW(config, "rates.agent.concurrent", config_number, agent_concurrent_max, 0, 1000000, "0"),
                ROW(config, "maximum.timeout", config_duration, maximum.timeout_ms, 1 * SECOND, 1 * DAY, "5m"),
                ROW(config, "maximum.cpu_time", config_duration, maximum.cpu_ms, 0, 1 * DAY, "0"),
                ROW(config, "maximum.memory", config_bytes, maximum.memory_bytes, 8 * MIB, 1024 * GIB, "512m"),
                ROW(config, "maximum.cpus", config_thousandths, maximum.cpu_millis, 10, 1024000, "1.0"),
                ROW(config, "maximum.processes", config_number, maximum.processes, 1, 100000, "50"),
                ROW(config, "maximum.output", config_bytes, maximum.output_bytes, 1, 1280 << 10, "1m"),
                ROW(config, "images.allow", config_list, images_allow, 0, CONFIG_IMAGES_MAX, ""),
};

/* Without a default: a profile that leaves something out would be looser than it looks. */
static const struct config_row profile_rows[] = {
                ROW(profile, "limits.timeout", config_duration, limits.timeout_ms, 1 * SECOND, 1 * DAY, NULL),
                ROW(profile, "limits.cpu_time", config_duration, limits.cpu_ms, 0, 1 * DAY, "0"),
                ROW(profile, "limits.memory", config_bytes, limits.memory_bytes, 8 * MIB, 1024 * GIB, NULL),
                ROW(profile, "limits.cpus", config_thousandths, limits.cpu_millis, 10, 1024000, NULL),
                ROW(profile, "limits.processes", config_number, limits.processes, 1, 100000, NULL),
                ROW(profile, "limits.output", config_bytes, limits.output_bytes, 0, 1280 << 10, "256k"),
                NAMES(profile, "network", config_name, network, network_names, NULL),
                ROW(profile, "filesystem.code", config_bytes, code_bytes_max, 64 << 10, 1 * GIB, NULL),
                ROW(profile, "filesystem.work", config_bytes, work_bytes, 1 * MIB, 64 * GIB, NULL),
                ROW(profile, "filesystem.tmp", config_bytes, tmp_bytes, 1 * MIB, 64 * GIB, NULL),
                ROW(profile, "filesystem.shm", config_bytes, shm_bytes, 0, 64 * GIB, NULL),
                ROW(profile, "user", config_user, uid, 1, 4294967294, NULL),
                ROW(profile, "seccomp", config_text, seccomp, 1, 23, NULL),
                ROW(profile, "runtime", config_text, runtime, 1, 64, "runc"),
};

static const struct config_row language_rows[] = {
                ROW(language, "image", config_text, image, 1, 255, NULL),
                ROW(language, "file", config_text, file, 1, 255, NULL),
                ROW(language, "command", config_list, command, 1, LANGUAGE_COMMAND_MAX, NULL),
                ROW(language, "fence", config_list, fence, 0, LANGUAGE_COMMAND_MAX, ""),
                ROW(language, "env", config_list, env, 0, LANGUAGE_ENV_MAX, ""),
                ROW(language, "runtime_processes", config_number32, runtime_processes, 0, 1024, "0"),
                ROW(language, "compile", config_list, compile, 0, LANGUAGE_COMMAND_MAX, ""),
                ROW(language, "compile_limits.timeout", config_duration, compile_limits.timeout_ms, 1 * SECOND, 1 * DAY, "120s"),
                ROW(language, "compile_limits.cpu_time", config_duration, compile_limits.cpu_ms, 0, 1 * DAY, "0"),
                ROW(language, "compile_limits.memory", config_bytes, compile_limits.memory_bytes, 8 * MIB, 1024 * GIB, "1g"),
                ROW(language, "compile_limits.cpus", config_thousandths, compile_limits.cpu_millis, 10, 1024000, "1.0"),
                ROW(language, "compile_limits.processes", config_number, compile_limits.processes, 1, 100000, "64"),
                ROW(language, "compile_limits.output", config_bytes, compile_limits.output_bytes, 0, 1280 << 10, "256k"),
                ROW(language, "compile_limits.work", config_bytes, compile_work_bytes, 1 * MIB, 64 * GIB, "128m"),
                ROW(language, "compile_limits.tmp", config_bytes, compile_tmp_bytes, 1 * MIB, 64 * GIB, "256m"),
                ROW(language, "blocked.low", config_words, blocked[RISK_LOW], 0, 0, ""),
                ROW(language, "blocked.medium", config_words, blocked[RISK_MEDIUM], 0, 0, ""),
                ROW(language, "blocked.high", config_words, blocked[RISK_HIGH], 0, 0, ""),
};

_Static_assert(offsetof(struct profile, gid) == offsetof(struct profile, uid) + sizeof(uint32_t), "config_user fills both");

#define TABLE(rows)                                                                                                                        \
        {                                                                                                                                  \
                rows, sizeof(rows) / sizeof *(rows)                                                                                        \
        }
const struct config_table config_main_table = TABLE(main_rows);
const struct config_table config_profile_table = TABLE(profile_rows);
const struct config_table config_language_table = TABLE(language_rows);
