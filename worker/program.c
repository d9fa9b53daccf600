#include "worker/program.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/service.h"
#include "worker/execution_log.h"

enum { DRAIN_MS = 20000 };

extern char **environ;

static const char *const part_names[PART_COUNT] = {"Redis", "Kafka", "Docker"};
static const int program_signals[PROGRAM_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

/* ---- what answers and what does not ---- */

static void say_ready(struct program *program)
{
        bool ready = program->working;
        for (int part = 0; part < PART_COUNT; part++)
                ready &= program->up[part];
        if (!ready || program->ready_said || program->leaving)
                return;
        program->ready_said = true;
        log_event(&program->log, LOG_INFO, "READY", LOG_TEXT("worker", program->config->worker_name),
                  LOG_NUMBER("slots", program->config->worker_slots));
        service_notify("READY=1");
}

static void part_up(struct program *program, enum program_part part)
{
        program->up[part] = true;
        if (program->told[part])
                log_event(&program->log, LOG_INFO, "works again", LOG_TEXT("part", part_names[part]));
        program->told[part] = false;
        say_ready(program);
        if (program->working)
                worker_wake(&program->worker);
}

static void part_down(struct program *program, enum program_part part, const struct error *e)
{
        program->up[part] = false;
        if (!program->told[part] && !program->leaving)
                log_error(&program->log, LOG_ERROR, "does not work; tried again until it does", e,
                          (const struct log_field[]){LOG_TEXT("part", part_names[part]), {0}});
        program->told[part] = true;
}

static void redis_up(void *data)
{
        part_up(data, PART_REDIS);
}

/* The link logs its trouble itself. */
static void redis_down(void *data, const struct error *e)
{
        struct program *program = data;
        (void)e;
        program->up[PART_REDIS] = false;
}

static void kafka_trouble(void *data, const struct error *e)
{
        struct program *program = data;
        if (e)
                part_down(program, PART_KAFKA, e);
        else if (program->working)
                part_up(program, PART_KAFKA);
}

static void docker_up(void *data)
{
        part_up(data, PART_DOCKER);
}

static void docker_trouble(void *data, const struct error *e)
{
        struct program *program = data;
        struct error told = *e;
        error_wrap(&told, "%s (is the engine running there, and docker.host, BRIG_DOCKER_HOST, right?)", program->config->docker_host);
        part_down(program, PART_DOCKER, &told);
}

/* ---- hints ---- */

static bool ends_with(struct span text, const char *end)
{
        size_t size = strlen(end);
        return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

static void redis_hint(void *data, struct span channel, struct span message)
{
        struct program *program = data;
        if (!program->working)
                return;
        if (ends_with(channel, ":cancel"))
                worker_hint_cancelled(&program->worker, message);
        else
                worker_wake(&program->worker);
}

/* ---- the core ---- */

static void keep_execution_log(struct program *program, const struct job *job, enum risk risk, const struct result *result)
{
        const struct language *language = config_language(program->config, job->language);
        struct summary summary = {.result = result,
                                  .agent_id = job->agent_id,
                                  .risk = risk,
                                  .language = job->language,
                                  .code_file = job->entrypoint ? job->entrypoint : language->file,
                                  .realtime_ms = result->finished_at_ms};
        execution_log_keep(&program->loop, &program->log, program->config->log_directory, &summary);
}

static void keep_traces(void *data, const struct job *job, enum risk risk, const struct result *result)
{
        struct program *program = data;
        if (program->config->worker_execution_logs)
                keep_execution_log(program, job, risk, result);
        retention_keep(&program->retention, result);
}

static void lower(uint64_t *value, uint64_t maximum)
{
        if (*value > maximum)
                *value = maximum;
}

/* So that what a topic refuses is never produced. */
static void bound_output(struct program *program, uint64_t output_bytes_max)
{
        struct config *config = program->config;
        if (output_bytes_max < config->maximum.output_bytes)
                log_event(&program->log, LOG_WARNING, "output_bytes lowered: the topic of results takes no larger records",
                          LOG_TEXT("topic", program->topics.results), LOG_NUMBER("output_bytes", output_bytes_max));
        for (int risk = RISK_LOW; risk < RISK_COUNT; risk++)
                lower(&config->profiles[risk].limits.output_bytes, output_bytes_max);
}

static struct ports make_ports(struct program *program)
{
        return (struct ports){.config = program->config,
                              .clock = &clock_system,
                              .log = &program->log,
                              .analysis = program->analysis,
                              .alarms = &program->alarms.alarms,
                              .gate = &program->gate,
                              .topics = program->topics,
                              .sandbox = sandbox_port_of(program->sandbox),
                              .sink = sink_port_of(program->sink),
                              .fetch = fetch_port_of(&program->fetcher),
                              .output_bytes_max = report_output_bytes_max(program->topic_check.result_bytes_max),
                              .keep_traces = keep_traces,
                              .keep_traces_data = program};
}

static void topics_failed(struct topic_check *check, const struct error *e)
{
        part_down(check->data, PART_KAFKA, e);
}

static void topics_there(struct topic_check *check)
{
        struct program *program = check->data;
        struct ports ports = make_ports(program);
        bound_output(program, ports.output_bytes_max);
        kafka_sink_prepare(program->sink, (const char *[]){program->topics.results, program->topics.audit}, 2);
        worker_init(&program->worker, &ports);
        program->working = true;
        part_up(program, PART_KAFKA);
}

/* ---- signals ---- */

static void redis_closed(void *data)
{
        struct program *program = data;
        for (int i = 0; i < PROGRAM_SIGNALS; i++)
                uv_close((uv_handle_t *)&program->signals[i], NULL);
        alarm_loop_close(&program->alarms);
}

static void sandbox_closed(void *data)
{
        struct program *program = data;
        redis_link_close(program->redis, redis_closed, program);
}

static void sink_closed(void *data)
{
        struct program *program = data;
        if (program->working && worker_runs(&program->worker))
                uv_stop(&program->loop); /* the engine does not answer; its runs end as their stdin closes */
        else
                sandbox_close(program->sandbox, sandbox_closed, program);
}

static void drained(void *data)
{
        struct program *program = data;
        retention_close(&program->retention);
        topic_check_close(&program->topic_check);
        fetcher_close(&program->fetcher);
        kafka_sink_close(program->sink, sink_closed, program);
}

static void leave(struct program *program)
{
        uint64_t bound_ms = program->leaving ? 0 : DRAIN_MS; /* told twice: at once */
        bool again = program->leaving;
        program->leaving = true;
        log_event(&program->log, LOG_INFO, "leaving", LOG_NUMBER("bound_ms", bound_ms));
        service_notify("STOPPING=1");
        if (program->working)
                worker_drain(&program->worker, bound_ms, drained, program);
        else if (!again)
                drained(program);
}

/* What has texts of its own is exchanged, so that each configuration goes on owning its own. */
static void take_limits(struct config *config, struct config *fresh)
{
        struct config_trust trust = config->trust;
        for (int risk = RISK_LOW; risk < RISK_COUNT; risk++)
                config->profiles[risk].limits = fresh->profiles[risk].limits;
        memcpy(config->rates, fresh->rates, sizeof(config->rates));
        config->maximum = fresh->maximum;
        config->trust = fresh->trust;
        fresh->trust = trust;
        config->global_concurrent = fresh->global_concurrent;
        config->global_executions_per_hour = fresh->global_executions_per_hour;
        config->agent_unfinished_max = fresh->agent_unfinished_max;
        config->agent_concurrent_max = fresh->agent_concurrent_max;
}

static int renew_gate(struct program *program, struct error *e)
{
        struct gate gate;
        if (gate_init(&gate, redis_link_port(program->redis), program->config, e) < 0)
                return -1;
        gate_deinit(&program->gate);
        program->gate = gate;
        return 0;
}

static void reload(struct program *program)
{
        struct config fresh;
        struct error e;
        if (config_load(&fresh, program->config_path, environ, &e) < 0) {
                log_error(&program->log, LOG_ERROR, "configuration not reloaded", &e, NULL);
                return;
        }
        take_limits(program->config, &fresh);
        config_deinit(&fresh);
        if (program->working)
                bound_output(program, program->worker.ports.output_bytes_max);
        if (renew_gate(program, &e) < 0)
                log_error(&program->log, LOG_ERROR, "limits not reloaded for Redis", &e, NULL);
        else
                log_event(&program->log, LOG_INFO, "limits reloaded");
}

static void signalled(uv_signal_t *signal, int number)
{
        struct program *program = signal->data;
        if (number == SIGHUP)
                reload(program);
        else
                leave(program);
}

/* ---- opening ---- */

static void open_signals(struct program *program)
{
        for (int i = 0; i < PROGRAM_SIGNALS; i++) {
                uv_signal_init(&program->loop, &program->signals[i]);
                program->signals[i].data = program;
                uv_signal_start(&program->signals[i], signalled, program_signals[i]);
        }
}

static int open_redis(struct program *program, struct error *e)
{
        struct redis_link_options options = {.url = program->config->redis_url,
                                             .tag = program->config->redis_tag,
                                             .log = &program->log,
                                             .up = redis_up,
                                             .down = redis_down,
                                             .wake = redis_hint,
                                             .data = program};
        if (redis_link_open(&program->redis, &program->loop, &options, e) < 0)
                return -1;
        return gate_init(&program->gate, redis_link_port(program->redis), program->config, e);
}

static int open_kafka(struct program *program, struct error *e)
{
        struct kafka_sink_options options = {.config = program->config, .log = &program->log, .trouble = kafka_trouble, .data = program};
        program->topics = kafka_topics_named(program->config->kafka_topic_prefix);
        program->topic_check = (struct topic_check){.config = program->config,
                                                    .topics = &program->topics,
                                                    .failed = topics_failed,
                                                    .done = topics_there,
                                                    .data = program};
        if (kafka_sink_open(&program->sink, &program->loop, &options, e) < 0)
                return -1;
        topic_check_start(&program->topic_check, &program->loop);
        fetcher_open(&program->fetcher, &program->loop, program->config, &program->log, program->topics.jobs);
        return 0;
}

/* Those named, as sandbox_options takes them. */
static unsigned levels_of(const char *names)
{
        unsigned levels = 0;
        for (enum risk risk = RISK_LOW; risk < RISK_COUNT; risk++)
                levels |= strstr(names, risk_name(risk)) ? 1U << risk : 0;
        return levels;
}

static int open_sandbox(struct program *program, struct error *e)
{
        struct sandbox_options options = {.config = program->config,
                                          .log = &program->log,
                                          .clock = &clock_system,
                                          .worker = program->config->worker_name,
                                          .levels = levels_of(program->config->worker_risks),
                                          .attacked = true,
                                          .ready = docker_up,
                                          .trouble = docker_trouble,
                                          .data = program};
        return sandbox_open(&program->sandbox, &program->loop, &options, e);
}

int program_open(struct program *program, struct config *config, const char *config_path, struct error *e)
{
        *program = (struct program){.config = config, .config_path = config_path};
        program->log = (struct log){"brig-worker", log_level_of(config->log_level), &clock_system, STDERR_FILENO};
        if (analysis_open(&program->analysis, config->directory, e) < 0)
                return -1;
        uv_loop_init(&program->loop);
        alarm_loop_open(&program->alarms, &program->loop, &clock_system);
        open_signals(program);
        program->retention = (struct retention){.config = config, .log = &program->log, .clock = &clock_system};
        retention_open(&program->retention, &program->loop);
        if (service_protect_from_oom() < 0)
                log_event(&program->log, LOG_INFO, "may not protect itself from the kernel's choice when memory ends");
        if (open_sandbox(program, e) < 0 || open_redis(program, e) < 0 || open_kafka(program, e) < 0)
                return -1;
        return 0;
}

void program_run(struct program *program)
{
        uv_run(&program->loop, UV_RUN_DEFAULT);
        if (program->working)
                worker_deinit(&program->worker);
        gate_deinit(&program->gate);
        analysis_close(program->analysis);
        uv_loop_close(&program->loop);
        log_event(&program->log, LOG_INFO, "left");
}
