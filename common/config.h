/* The configuration: config/sandbox-config.yaml, the profiles and languages beside it, and BRIG_… environment variables.
 *
 * One table per struct says key, parser, offset, bounds and unit; it reads the file, prints --dry-run and the README's reference. Unknown
 * keys, wrong units and values out of range are refused with file, line, key and the nearest known key. */
#ifndef BRIG_COMMON_CONFIG_H
#define BRIG_COMMON_CONFIG_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/job.h"
#include "common/language.h"
#include "common/profile.h"

enum { CONFIG_LANGUAGES_MAX = 64, CONFIG_PASS_THROUGH_MAX = 64, CONFIG_IMAGES_MAX = 64 };

struct config_rate { /* per agent and effective level; R4 */
        uint64_t executions_per_hour;
        uint64_t cpu_ms_per_hour;
};

struct config_trust { /* thousandths; R3 */
        uint64_t initial, succeeded, failed, low_at, medium_at;
        uint64_t quarantine_violations;
        uint64_t quarantine_window_ms;
        char *quarantine_classes; /* "attack", "policy attack": the classes of violations that count */
};

struct config_pair {
        char *key, *value;
};

struct config_origin { /* of a value that is no default */
        char *key, *origin;
};

/* Every text is owned by the config and never NULL unless said. */
struct config {
        /* kafka: bootstrap_servers, topic_prefix, partitions; every other key passes through to librdkafka */
        char *kafka_bootstrap_servers;
        char *kafka_topic_prefix;  /* "brig" → brig.jobs, brig.results … */
        uint64_t kafka_partitions; /* made with the topics when they are missing */
        struct config_pair kafka_pass_through[CONFIG_PASS_THROUGH_MAX];
        size_t kafka_pass_through_count;

        char *redis_url;   /* redis://[user:password@]host:port/db or unix:///path */
        char *redis_tag;   /* hash tag of the cell, "brig" */
        char *docker_host; /* unix:///var/run/docker.sock */

        char *dispatcher_id;     /* group.instance.id; default: host name */
        char *worker_name;       /* default: host name */
        uint64_t worker_slots;   /* jobs at once */
        uint64_t worker_warm;    /* started containers kept waiting per (image, profile) in demand */
        char *worker_risks;      /* "low medium high": levels this worker offers */
        uint64_t lease_ms;       /* 15000 */
        uint64_t attempts_max;   /* 3 */
        char *runtime_directory; /* tmpfs folder for /code slots; default /run/brig or $XDG_RUNTIME_DIR/brig */
        char *log_directory;     /* /var/log/sandbox; as user the XDG state folder */
        char *log_level;
        bool worker_execution_logs;
        uint64_t artifact_retention_ms;
        uint64_t artifact_total_bytes; /* on this host; the oldest go first */

        enum risk default_risk;
        struct config_trust trust;
        struct config_rate rates[RISK_COUNT];
        uint64_t global_concurrent;
        uint64_t global_executions_per_hour;
        uint64_t agent_unfinished_max;
        uint64_t agent_concurrent_max; /* 0: no cap of its own */
        uint64_t expires_default_ms;   /* 1 h */
        uint64_t dedupe_ms;            /* 24 h */
        struct limits maximum;         /* operator's maximum for what a job names */

        char *images_allow[CONFIG_IMAGES_MAX]; /* globs; none: the images of the language files */
        size_t images_allow_count;

        struct profile profiles[RISK_COUNT];
        struct language languages[CONFIG_LANGUAGES_MAX];
        size_t language_count;
        const char *language_names[CONFIG_LANGUAGES_MAX]; /* borrowed from languages; for job_bounds and messages */
        char *path;                                       /* the file that was read */
        struct config_origin *origins;                    /* a later one of the same key counts */
        size_t origin_count;
        char *directory; /* where the file lies: profiles/, languages/, seccomp/, analysis/ are beside it */
};

/* Reads `path` (NULL: $BRIG_CONFIG, else config/sandbox-config.yaml found relative to the running program — ../../../config from
 * build/PRESET/bin, /etc/brig or ../share/brig/config when installed), the profiles and languages beside it (which it
 * may override: profiles.high.limits.memory), then the environment (`environment`:
 * NULL-ended NAME=VALUE, usually environ). 0, or -1 (ERROR_CONFIG): "FILE:LINE: key: what is wrong; nearest known key is …". */
int config_load(struct config *ret_config, const char *path, char *const *environment, struct error *e);
void config_deinit(struct config *config);

const struct language *config_language(const struct config *config, const char *name); /* NULL: unknown */
struct job_bounds config_job_bounds(const struct config *config);                      /* borrows from config */
bool config_image_allowed(const struct config *config, const char *image);

/* 0 when the job names no image or an allowed one, else -1 and the refusal (REJECTION_DENIED). */
int config_check_image(const struct config *config, const struct job *job, struct rejection *ret_rejection);

/* One line per value: "key = value    (FILE:LINE, BRIG_… or default)", appended; passwords are hidden. 0 or -1. */
int config_print(const struct config *config, struct bytes *ret_text);

/* The reference of every key: "| key | variable | default | what it may be |" as a Markdown table, appended. 0 or -1. */
int config_print_reference(struct bytes *ret_text);

/* "512m" "1g" "64k" "64KiB" "4096" → bytes; "180" "180s" "2m" "1h" "30d" "250ms" → ms (no unit: seconds); "0.5" "2" → thousandths.
 * 0, or -1. */
int config_parse_bytes(struct span text, uint64_t *ret_bytes);
int config_parse_duration(struct span text, uint64_t *ret_ms);
int config_parse_thousandths(struct span text, uint64_t *ret_thousandths);

/* The same way back, in the largest unit that divides: "512m", "15s", "0.25". 0 or -1. */
int config_append_bytes(struct bytes *ret_text, uint64_t bytes);
int config_append_duration(struct bytes *ret_text, uint64_t ms);
int config_append_thousandths(struct bytes *ret_text, uint64_t thousandths);

#endif
